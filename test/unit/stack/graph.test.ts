import { expect, test } from "vitest";
import { startWaves } from "../../../src/stack/graph.ts";
import { containerSpec, processSpec } from "../../support/stack-fixtures.ts";

function names(waves: ReturnType<typeof startWaves>): string[][] {
  return waves.map((wave) => wave.map((spec) => spec.name));
}

test("what depends on nothing starts at once", () => {
  expect(names(startWaves([processSpec(), containerSpec()]))).toEqual([["workflow-runner", "agent-runner"]]);
});

test("a component waits for what it depends on", () => {
  const specs = [processSpec({ dependsOn: ["temporal"] }), processSpec({ name: "temporal" })];
  expect(names(startWaves(specs))).toEqual([["temporal"], ["workflow-runner"]]);
});

test("a circle is refused", () => {
  const specs = [
    processSpec({ dependsOn: ["temporal"] }),
    processSpec({ name: "temporal", dependsOn: ["workflow-runner"] }),
  ];
  expect(() => startWaves(specs)).toThrow("unmeetable dependencies among workflow-runner, temporal");
});
