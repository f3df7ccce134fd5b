import { expect, test } from "vitest";
import { combineModels } from "../../../agent-runner/src/definitions/combine-models.ts";
import type { WorkflowModel } from "../../../agent-runner/src/definitions/workflow-definition.ts";

const SILENT: WorkflowModel = {
  provider: null,
  name: null,
  base_url: null,
  api_key_env: null,
  temperature: null,
  max_tokens: null,
  script: null,
  delay_ms: 0,
};
const SHARED: WorkflowModel = {
  provider: "anthropic",
  name: "shared",
  base_url: "http://shared/v1",
  api_key_env: "SHARED_KEY",
  temperature: 0.5,
  max_tokens: 100,
  script: null,
  delay_ms: 0,
};

test("a node's own words win key by key", () => {
  expect(combineModels({ ...SILENT, name: "own", temperature: 0 }, SHARED)).toEqual({
    ...SHARED,
    name: "own",
    temperature: 0,
  });
});

test("another provider of a node's own has no use for the shared name, address and key", () => {
  expect(combineModels({ ...SILENT, provider: "openai", max_tokens: 5 }, SHARED)).toEqual({
    ...SILENT,
    provider: "openai",
    temperature: 0.5,
    max_tokens: 5,
  });
});

test("a node's script takes the shared provider and its delay", () => {
  const script = [{ text: "own" }];
  const shared: WorkflowModel = { ...SILENT, provider: "scripted", script: [{ text: "shared" }], delay_ms: 300 };
  expect(combineModels({ ...SILENT, script }, shared)).toEqual({ ...shared, script });
  expect(combineModels({ ...SILENT, script, delay_ms: 7 }, shared)).toMatchObject({ script, delay_ms: 7 });
  expect(combineModels(null, shared)).toEqual(shared);
});

test("who says nothing leaves it to the configuration", () => {
  expect(combineModels(null, null)).toEqual(SILENT);
});
