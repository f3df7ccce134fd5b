import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import type { ValueType } from "../../../../agent-runner/src/definitions/workflow-definition.ts";
import type { Json } from "../../../../agent-runner/src/protocol/messages.ts";
import { checkValue } from "../../../../agent-runner/src/workflow/check-value.ts";
import { exampleValue } from "../../../../agent-runner/src/workflow/example-value.ts";
import { parseInput } from "../../../../agent-runner/src/workflow/inputs.ts";
import { jsonSchemaOf } from "../../../../agent-runner/src/workflow/type-schema.ts";
import { parseValueType, TypeMistake, typeText } from "../../../../agent-runner/src/workflow/value-type.ts";
import { seededRandom } from "../../../support/seeded-random.ts";

const ajv = new Ajv2020({ strict: false });

const article: ValueType = {
  kind: "object",
  fields: {
    title: { type: { kind: "str" }, required: true, description: "of the article" },
    scores: { type: parseValueType("list[int]"), required: true, description: null },
    note: { type: { kind: "str" }, required: false, description: null },
  },
};

function messages(type: ValueType, value: Json): string[] {
  return checkValue(type, value).problems.map(({ path, message }) => `${path} ${message}`.trim());
}

describe("types", () => {
  test.each([
    ["str", { kind: "str" }],
    ["list", { kind: "list", item: null }],
    ["list[int]", { kind: "list", item: { kind: "int" } }],
    [" list[ list[bool] ] ", { kind: "list", item: { kind: "list", item: { kind: "bool" } } }],
    ["dict", { kind: "dict", key: "str", value: null }],
    ["dict[str,float]", { kind: "dict", key: "str", value: { kind: "float" } }],
    [
      "dict[int, dict[str, list]]",
      { kind: "dict", key: "int", value: { kind: "dict", key: "str", value: { kind: "list", item: null } } },
    ],
    ["object", { kind: "object", fields: {} }],
  ])("%j is read", (text, type) => expect(parseValueType(text)).toEqual(type));

  test.each([
    ["string", "str"],
    ["Integer", "int"],
    ["strng", "str"],
    ["flaot", "float"],
    ["list[boolean]", "bool"],
    ["dict[string, int]", "str"],
    ["lsit[int]", "list"],
    ["", null],
    ["str | None", null],
    ["list[]", null],
    ["list[int", null],
    ["list[int]]", "int"],
    ["dict[int]", null],
    ["dict[list[int], str]", null],
    ["dict[str, ]", null],
    ["tuple[int]", null],
    ["str[int]", null],
    [`${"list[".repeat(40)}int${"]".repeat(40)}`, null],
  ])("%j is no type; the nearest is %s", (text, suggestion) => {
    expect(() => parseValueType(text)).toThrow(TypeMistake);
    try {
      parseValueType(text);
    } catch (error) {
      expect(error).toHaveProperty("suggestion", suggestion);
    }
  });
});

describe("a value of another type is told where it stands", () => {
  test.each<[string, Json, string[]]>([
    ["str", 3, ["must be a text, not 3"]],
    ["str", null, ["must be a text, not null"]],
    ["int", 3.5, ["must be a whole number, not 3.5"]],
    ["int", "3", ['must be a whole number, not "3"']],
    ["int", 2 ** 60, ["must be a whole number of at most 53 bits, not 1152921504606847000"]],
    ["float", JSON.parse("1e999"), ["must be a number, not null"]],
    ["bool", "true", ['must be true or false, not "true"']],
    ["bool", 0, ["must be true or false, not 0"]],
    ["list[int]", [1, "2", null], ['[1] must be a whole number, not "2"', "[2] must be a whole number, not null"]],
    ["list[int]", { a: 1 }, ['must be a list (list[int]), not {"a":1}']],
    ["dict[str, list[bool]]", { a: [true, 1] }, ["a[1] must be true or false, not 1"]],
    ["dict[str, int]", [], ["must be a map (dict[str, int]), not []"]],
    [
      "dict[int, str]",
      { 1: "a", "-2": "b", "03": "c", x: "d" },
      ['has the key "03", which does not read as int', 'has the key "x", which does not read as int'],
    ],
    ["dict[bool, int]", { true: 1, True: 2 }, ['has the key "True", which does not read as bool']],
    ["dict[float, int]", { "1.5e3": 1, ".5": 2 }, ['has the key ".5", which does not read as float']],
    ["object", [1], ["must be an object, not [1]"]],
    ["str", ["x".repeat(100)], [`must be a text, not ["${"x".repeat(58)}…`]],
  ])("%s: %j", (text, value, expected) => expect(messages(parseValueType(text), value)).toEqual(expected));

  test("in objects: missing, unknown with the nearest, and wrong fields, all at once", () => {
    expect(messages(article, { titel: "x", scores: [1, "2"], note: 3 })).toEqual([
      "title is missing",
      "titel is unknown (did you mean title?)",
      'scores[1] must be a whole number, not "2"',
      "note must be a text, not 3",
    ]);
  });
});

test("a value is kept as it is, without the optional fields that are null", () => {
  expect(checkValue(article, { title: "T", scores: [1, 2.0], note: null })).toEqual({
    value: { title: "T", scores: [1, 2] },
    problems: [],
  });
  expect(messages(article, { title: null, scores: [] })).toEqual(["title must be a text, not null"]);
  expect(checkValue(parseValueType("float"), 3)).toEqual({ value: 3, problems: [] });
  expect(checkValue(parseValueType("int"), JSON.parse("3.0"))).toEqual({ value: 3, problems: [] });
  expect(checkValue(parseValueType("list"), [1, [null]])).toEqual({ value: [1, [null]], problems: [] });
  expect(checkValue(parseValueType("object"), { any: [1] })).toEqual({ value: { any: [1] }, problems: [] });
});

test("keys that plain objects have by birth are keys like others", () => {
  const hostile = JSON.parse('{"__proto__": 1, "constructor": 2}');
  const { value, problems } = checkValue(parseValueType("dict[str, int]"), hostile);
  expect(problems).toEqual([]);
  expect(JSON.stringify(value)).toBe('{"__proto__":1,"constructor":2}');
  expect(messages(article, JSON.parse('{"title": "", "scores": [], "toString": 1}'))).toEqual(["toString is unknown"]);
});

test("an object is described with its descriptions, and takes nothing else", () => {
  expect(jsonSchemaOf(article)).toEqual({
    type: "object",
    properties: {
      title: { type: "string", description: "of the article" },
      scores: { type: "array", items: { type: "integer" } },
      note: { type: "string" },
    },
    required: ["title", "scores"],
    additionalProperties: false,
  });
});

// Every type compiles a schema, which takes its time where others work, too.
describe("of random types", { timeout: 20_000 }, () => {
  const random = seededRandom(29);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;

  function randomType(depth: number): ValueType {
    const kind = depth === 0 ? pick(BASIC) : pick([...BASIC, "list", "dict", "object"] as const);
    if (kind === "list") return { kind, item: random() < 0.2 ? null : randomType(depth - 1) };
    if (kind === "dict" && random() < 0.2) return { kind, key: "str", value: null };
    if (kind === "dict") return { kind, key: pick(BASIC), value: randomType(depth - 1) };
    if (kind !== "object") return { kind };
    const names = ["a", "b", "c"].slice(0, Math.floor(random() * 4));
    const field = () => ({ type: randomType(depth - 1), required: random() < 0.7, description: null });
    return { kind, fields: Object.fromEntries(names.map((name) => [name, field()])) };
  }

  function randomValue(type: ValueType): Json {
    switch (type.kind) {
      case "str":
        return pick(["", "x", "3", "true", "{}", 'é\n"', "\u2028"]);
      case "int":
        return pick([0, -7, 3, Number.MAX_SAFE_INTEGER]);
      case "float":
        return pick([0.5, -1e300, 3, 5e-324]);
      case "bool":
        return random() < 0.5;
      case "list":
        return Array.from({ length: Math.floor(random() * 3) }, () =>
          type.item === null ? "any" : randomValue(type.item),
        );
      case "dict":
        return random() < 0.3 ? {} : { [KEYS[type.key]]: type.value === null ? [1] : randomValue(type.value) };
      case "object":
        return Object.fromEntries(
          Object.entries(type.fields)
            .filter(([, { required }]) => required || random() < 0.5)
            .map(([name, field]) => [name, randomValue(field.type)]),
        );
    }
  }

  const cases = Array.from({ length: 60 }, () => {
    const type = randomType(3);
    return { type, value: randomValue(type) };
  });

  test("the text of a type reads as the type again", () => {
    for (const { type } of cases) {
      if (JSON.stringify(type).includes('"object"')) continue; // Its fields stand beside its text.
      expect(parseValueType(typeText(type))).toEqual(type);
    }
  });

  test("values pass the check and the JSON Schema, and come back from their own text", () => {
    for (const { type, value } of cases) {
      expect(checkValue(type, value)).toEqual({ value, problems: [] });
      expect(ajv.validate(jsonSchemaOf(type), value), JSON.stringify({ type, value, errors: ajv.errors })).toBe(true);
      const text = typeof value === "string" ? value : JSON.stringify(value);
      expect(parseInput(type, text)).toEqual({ value });
      expect(messages(type, exampleValue(type))).toEqual([]);
    }
  });

  test("the check and the JSON Schema refuse the same values of other types", () => {
    let refused = 0;
    for (const { type } of cases.slice(0, 25)) {
      const validate = ajv.compile(jsonSchemaOf(type));
      for (const { value } of cases.slice(25)) {
        const passes = checkValue(type, value).problems.length === 0;
        if (isUnlike(type, value)) continue;
        expect(validate(value), JSON.stringify({ type, value })).toBe(passes);
        if (!passes) refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(400);
  });
});

const BASIC = ["str", "int", "float", "bool"] as const;
const KEYS = { str: "any key", int: "-3", float: "1.5", bool: "false" } as const;

/** Where the two are meant to differ: whole numbers beyond 53 bits. */
function isUnlike(type: ValueType, value: Json): boolean {
  return JSON.stringify(type).includes('"int"') && JSON.stringify(value).includes("e+300");
}
