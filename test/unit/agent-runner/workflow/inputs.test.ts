import { describe, expect, test } from "vitest";
import type { StateField } from "../../../../agent-runner/src/definitions/workflow-definition.ts";
import type { Json } from "../../../../agent-runner/src/protocol/messages.ts";
import { checkInputs, initialState, parseInput, parseInputs } from "../../../../agent-runner/src/workflow/inputs.ts";
import { parseValueType } from "../../../../agent-runner/src/workflow/value-type.ts";

function field(type: string, rest: Partial<StateField> = {}): StateField {
  return { type: parseValueType(type), required: false, default: null, description: null, ...rest };
}

const FIELDS = {
  topic: field("str", { required: true }),
  count: field("int", { default: 3 }),
  scores: field("list[int]"),
  done: field("bool", { default: false }),
};

describe("the text of an input", () => {
  test.each<[string, string, Json]>([
    ["str", " a=b, {x} ", " a=b, {x} "],
    ["str", "", ""],
    ["str", "3", "3"],
    ["int", "3", 3],
    ["int", " -4 ", -4],
    ["int", "3.0", 3],
    ["int", "+2e3", 2000],
    ["float", ".5", 0.5],
    ["float", "3", 3],
    ["bool", "true", true],
    ["bool", "False", false],
    ["list", '[1, "a"]', [1, "a"]],
    ["list[int]", " [1, 2] ", [1, 2]],
    ["dict[str, int]", '{"a": 1}', { a: 1 }],
    ["object", "{}", {}],
  ])("%s reads %j as %j", (type, text, value) => expect(parseInput(parseValueType(type), text)).toEqual({ value }));

  test.each([
    ["int", "three", 'must be a whole number such as 3, not "three"'],
    ["int", "3.5", 'must be a whole number such as 3, not "3.5"'],
    ["int", "", 'must be a whole number such as 3, not ""'],
    ["int", "0x10", 'must be a whole number such as 3, not "0x10"'],
    ["int", "1e999", 'must be a whole number such as 3, not "1e999"'],
    ["int", "9007199254740993", 'must be a whole number such as 3, not "9007199254740993"'],
    ["float", "NaN", 'must be a number such as 0.5, not "NaN"'],
    ["float", "1,5", 'must be a number such as 0.5, not "1,5"'],
    ["bool", "yes", 'must be true or false, not "yes"'],
    ["bool", "1", 'must be true or false, not "1"'],
    ["list[int]", "1, 2", 'must be JSON of the type list[int] such as [3], not "1, 2"'],
    ["list[int]", "[1, true]", "[1] must be a whole number, not true"],
    ["list[int]", "3", 'must be JSON of the type list[int] such as [3], not "3"'],
    ["dict[str, bool]", "{a: true}", 'must be JSON of the type dict[str, bool] such as {"key":true}'],
  ])("%s refuses %j", (type, text, message) => {
    expect(parseInput(parseValueType(type), text)).toEqual({ message: expect.stringContaining(message) });
  });
});

describe("the inputs of a run", () => {
  test("are read by the types of their fields; defaults stay out until the run begins", () => {
    const { values, mistakes } = parseInputs(FIELDS, { topic: "bees", scores: "[1,2]", done: "true" });
    expect(mistakes).toEqual([]);
    expect(values).toEqual({ topic: "bees", scores: [1, 2], done: true });
    expect(initialState(FIELDS, values)).toEqual({ topic: "bees", count: 3, scores: [1, 2], done: true });
    expect(initialState(FIELDS, { topic: "x" })).toEqual({ topic: "x", count: 3, done: false });
  });

  test("are refused all at once, each with its field: unknown with the nearest, missing, wrong", () => {
    expect(parseInputs(FIELDS, { count: "many", scores: "[true]", dnoe: "true", zzzz: "" }).mistakes).toEqual([
      { field: "count", message: 'the input count must be a whole number such as 3, not "many"', suggestion: null },
      { field: "scores", message: expect.stringContaining("[0] must be a whole number, not true"), suggestion: null },
      {
        field: "dnoe",
        message: "there is no field dnoe: the fields are topic, count, scores, done",
        suggestion: "done",
      },
      { field: "zzzz", message: expect.stringContaining("there is no field zzzz"), suggestion: null },
      { field: "topic", message: "the input topic (str) is required", suggestion: null },
    ]);
    expect(parseInputs({}, { a: "1" }).mistakes).toMatchObject([{ message: expect.stringContaining("has no fields") }]);
  });

  test("a required one that cannot be read is told once, as wrong", () => {
    const fields = { count: field("int", { required: true }) };
    expect(parseInputs(fields, { count: "x" }).mistakes).toHaveLength(1);
    expect(parseInputs(fields, { count: "x" }).mistakes[0]?.message).toContain("must be a whole number");
  });

  test("may come as JSON, by the same rules", () => {
    expect(
      checkInputs(FIELDS, { topic: "t", scores: [1, 2.5], count: "3" }).mistakes.map(({ message }) => message),
    ).toEqual([
      "the input scores at [1] must be a whole number, not 2.5",
      'the input count must be a whole number, not "3"',
    ]);
    expect(checkInputs(FIELDS, { topic: "t", count: 4 })).toEqual({ values: { topic: "t", count: 4 }, mistakes: [] });
  });

  test("a name that every plain object knows is an unknown field", () => {
    for (const name of ["constructor", "toString", "hasOwnProperty"]) {
      expect(parseInputs(FIELDS, { topic: "t", [name]: "x" }).mistakes).toMatchObject([{ field: name }]);
    }
    const hostile = JSON.parse('{"topic": "t", "__proto__": {"done": true}}');
    expect(checkInputs(FIELDS, hostile).mistakes).toMatchObject([{ field: "__proto__" }]);
  });
});
