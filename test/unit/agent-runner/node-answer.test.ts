import { expect, test } from "vitest";
import type { WorkflowDefinition } from "../../../agent-runner/src/definitions/workflow-definition.ts";
import { nodeAnswer } from "../../../agent-runner/src/workflow/node-answer.ts";
import { oneNode } from "../../support/one-node.ts";

function answerOf(options: Parameters<typeof oneNode>[0]) {
  // Written above as such.
  const { nodes, state } = oneNode(options).workflow as unknown as WorkflowDefinition;
  const [node] = nodes;
  if (node === undefined) throw new Error("a workflow without nodes");
  return nodeAnswer(node, state.fields);
}

const NUMBERS = { fields: { n: "list[int]" }, output: "list[int]", outputs: ["n"] };

test("every problem of an answer is told with its place, but not without an end", () => {
  const { read } = answerOf(NUMBERS);
  expect(read('{"n": [1, "two", 3.5]}')).toEqual({
    problem:
      'does not fit the output schema: n[1] must be a whole number, not "two"; n[2] must be a whole number, not 3.5',
  });
  const many = read(JSON.stringify(Array<string>(5000).fill("x")));
  expect(many).toHaveProperty("problem", expect.stringMatching(/n\[9\] [^;]*; and 4990 more$/));
});

test("what is no JSON is told as that, and so is an empty answer", () => {
  const { read } = answerOf(NUMBERS);
  expect(read("[1, 2")).toEqual({ problem: "is no JSON" });
  expect(read("")).toEqual({ problem: "is no JSON" });
});

test("an answer of an unknown key is told with the nearest one", () => {
  const { read } = answerOf({ fields: { title: "str" }, output: { title: "str" }, outputs: ["title"] });
  expect(read('{"titel": "x"}')).toHaveProperty(
    "problem",
    expect.stringContaining("titel is unknown (did you mean title?)"),
  );
});

test("names that every object has are fields like any other", () => {
  const { read, schema } = answerOf({ fields: { constructor: "int" }, output: "int", outputs: ["constructor"] });
  expect(read("7")).toEqual({ value: { constructor: 7 } });
  expect(schema).toMatchObject({ required: ["constructor"] });
  expect(read("{}")).toHaveProperty("problem");
});
