import { expect, test } from "vitest";
import { chooseModel } from "../../../agent-runner/src/definitions/model-choice.ts";

const SILENT = { provider: null, name: null, base_url: null, api_key_env: null };
const OLLAMA = { provider: "ollama", model: "qwen", baseUrl: null, apiKeyEnv: null };

test("a silent definition means the configured model", () => {
  expect(chooseModel(SILENT, OLLAMA)).toEqual({
    provider: "ollama",
    name: "qwen",
    baseUrl: "http://127.0.0.1:11434/v1",
    keyVariable: null,
  });
});

test("address, key and model of the configuration hold for its own provider only", () => {
  const configured = { provider: "openai", model: "m", baseUrl: "http://127.0.0.1:1/v1", apiKeyEnv: "MY_KEY" };
  expect(chooseModel({ ...SILENT, provider: "openai" }, configured)).toEqual({
    provider: "openai",
    name: "m",
    baseUrl: "http://127.0.0.1:1/v1",
    keyVariable: "MY_KEY",
  });
  expect(chooseModel({ ...SILENT, provider: "anthropic" }, configured)).toEqual({
    provider: "anthropic",
    name: null,
    baseUrl: null,
    keyVariable: "ANTHROPIC_API_KEY",
  });
});

test("what the definition says wins", () => {
  const wish = { provider: null, name: "llama", base_url: "http://127.0.0.1:2/v1", api_key_env: "OTHER" };
  expect(chooseModel(wish, OLLAMA)).toEqual({
    provider: "ollama",
    name: "llama",
    baseUrl: "http://127.0.0.1:2/v1",
    keyVariable: "OTHER",
  });
});

test.each([
  ["openai", "OPENAI_API_KEY"],
  ["google", "GOOGLE_API_KEY"],
  ["openai-compatible", null],
  ["scripted", null],
])("the key of %s is in %s", (provider, keyVariable) => {
  expect(chooseModel({ ...SILENT, provider }, OLLAMA)).toMatchObject({ keyVariable });
});
