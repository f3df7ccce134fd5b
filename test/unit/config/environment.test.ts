import { expect, test } from "vitest";
import { readEnvironment } from "../../../src/config/environment.ts";

test("STIGMER_ variables are settings, lists separated by commas", () => {
  const { entries, warnings } = readEnvironment({
    STIGMER_SERVER_PORT: "8080",
    STIGMER_EXECUTION_SANDBOX_IMAGES: "a:1, b:2",
    STIGMER_LLM_BASE_URL: "null",
    PATH: "/bin",
  });
  expect(entries.map(({ key, raw }) => [key, raw])).toEqual([
    ["server.port", "8080"],
    ["execution.sandbox_images", ["a:1", "b:2"]],
    ["llm.base_url", null],
  ]);
  expect(warnings).toEqual([]);
});

test("an empty variable counts as not set", () => {
  expect(readEnvironment({ STIGMER_SERVER_PORT: "" })).toEqual({ entries: [], warnings: [] });
});

test("an unknown variable is a warning with the nearest name", () => {
  expect(readEnvironment({ STIGMER_SERVER_PROT: "1", STIGMER_ZZZZ: "1" }).warnings).toEqual([
    "Unknown variable STIGMER_SERVER_PROT is ignored (did you mean STIGMER_SERVER_PORT?)",
    "Unknown variable STIGMER_ZZZZ is ignored",
  ]);
});

test("the home and the contract with the runners are known variables and no settings", () => {
  const env = {
    STIGMER_HOME: "/h",
    STIGMER_BACKEND_URL: "http://127.0.0.1:1",
    STIGMER_BACKEND_TOKEN_FILE: "/t",
    STIGMER_RUNNER_ID: "r",
    STIGMER_INSTANCE: "i",
    STIGMER_COMPONENT: "agent-runner",
  };
  expect(readEnvironment(env)).toEqual({ entries: [], warnings: [] });
});
