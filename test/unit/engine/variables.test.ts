import { expect, test } from "vitest";
import type { TaskNeeds } from "../../../src/engine/embedded/task-needs.ts";
import { resolveVariables, type VariableSources } from "../../../src/engine/embedded/variables.ts";

const DEFAULTS = { provider: "ollama", model: "m", baseUrl: null, apiKeyEnv: null };

function needs(changes: Partial<TaskNeeds> = {}): TaskNeeds {
  const model = { provider: null, name: null, base_url: null, api_key_env: null };
  return { model, tools: [], variables: [], ...changes };
}

function sources(changes: Partial<VariableSources> = {}): VariableSources {
  return { given: {}, secrets: {}, server: {}, ...changes };
}

const variable = (name: string, changes = {}) => ({ name, secret: false, required: false, ...changes });

test("-e wins over secrets.env, secrets.env over the server's environment", () => {
  const variables = [variable("A"), variable("B"), variable("C"), variable("D")];
  const from = sources({ given: { A: "e" }, secrets: { A: "s", B: "s" }, server: { A: "x", B: "x", C: "x" } });
  expect(resolveVariables(needs({ variables }), DEFAULTS, from).environment).toEqual({ A: "e", B: "s", C: "x" });
});

test("of the server's environment and of secrets.env only what is named is handed on; of -e everything", () => {
  const from = sources({ given: { EXTRA: "1" }, secrets: { OTHER: "s" }, server: { PATH: "/bin" } });
  expect(resolveVariables(needs(), DEFAULTS, from)).toMatchObject({ environment: { EXTRA: "1" }, secrets: [] });
});

test("a required variable without a value is missing, an empty value is none", () => {
  const variables = [variable("A", { required: true }), variable("B", { required: true }), variable("C")];
  const from = sources({ given: { A: "" }, server: { B: "b" } });
  expect(resolveVariables(needs({ variables }), DEFAULTS, from).missing).toEqual(["A"]);
});

test("secret is what the definition calls so, and what lies in secrets.env", () => {
  const variables = [variable("A", { secret: true }), variable("B"), variable("C")];
  const from = sources({ given: { A: "one" }, secrets: { B: "two" }, server: { C: "three" } });
  expect(resolveVariables(needs({ variables }), DEFAULTS, from).secrets).toEqual(["one", "two"]);
});

test("the key of the agent's own provider goes with the lease, and no other", () => {
  const model = { provider: "anthropic", name: "c", base_url: null, api_key_env: null };
  const from = sources({ secrets: { ANTHROPIC_API_KEY: "a", OPENAI_API_KEY: "o" } });
  expect(resolveVariables(needs({ model }), DEFAULTS, from)).toMatchObject({
    keys: { ANTHROPIC_API_KEY: "a" },
    environment: {},
    secrets: ["a"],
    missingKey: null,
  });
});

test("api_key_env of the configuration holds for its own provider only", () => {
  const defaults = { provider: "openai", model: "m", baseUrl: null, apiKeyEnv: "MY_KEY" };
  const other = { provider: "anthropic", name: "c", base_url: null, api_key_env: null };
  expect(resolveVariables(needs(), defaults, sources()).missingKey).toBe("MY_KEY");
  expect(resolveVariables(needs({ model: other }), defaults, sources()).missingKey).toBe("ANTHROPIC_API_KEY");
});

test("a provider that needs no key misses none", () => {
  expect(resolveVariables(needs(), DEFAULTS, sources()).missingKey).toBeNull();
});

test("the key of the search service goes with an agent that may search", () => {
  const from = sources({ secrets: { SERPER_API_KEY: "k" } });
  expect(resolveVariables(needs({ tools: ["web_search"] }), DEFAULTS, from).keys).toEqual({ SERPER_API_KEY: "k" });
  expect(resolveVariables(needs({ tools: ["shell"] }), DEFAULTS, from).keys).toEqual({});
});

test("a name such as constructor is no variable that anybody set", () => {
  const variables = [variable("constructor", { required: true })];
  expect(resolveVariables(needs({ variables }), DEFAULTS, sources()).missing).toEqual(["constructor"]);
});
