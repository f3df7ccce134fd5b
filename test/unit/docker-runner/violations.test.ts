import { Ajv } from "ajv";
import { expect, test } from "vitest";
import { explainViolations, type Violation } from "../../../src/docker-runner/violations.ts";

const SCHEMA = {
  type: "object",
  additionalProperties: false,
  required: ["image"],
  properties: {
    image: { type: "string", minLength: 1 },
    follow: { anyOf: [{ const: "true" }, { const: "false" }] },
    command: {
      anyOf: [
        { type: "string", minLength: 1 },
        { type: "array", minItems: 1, items: { type: "string" } },
      ],
    },
    options: { type: "object", additionalProperties: false, properties: {} },
  },
};

test.each([
  [{ image: "a", imgae: "b" }, "body", 'has no property "imgae"'],
  [{ image: "a", options: { user: "x" } }, "body/options", 'has no property "user"'],
  [{}, "body", "must have required property 'image'"],
  [{ image: "" }, "body/image", "must NOT have fewer than 1 characters"],
  [{ image: "a", follow: "yes" }, "body/follow", "must be true or false"],
  [{ image: "a", command: 7 }, "body/command", "must be string or must be array"],
  [[], "body", "must be object"],
])("%j is told by its place and what would do", (given, path, message) => {
  const validate = new Ajv().compile(SCHEMA);
  expect(validate(given)).toBe(false);
  expect(explainViolations(validate.errors as Violation[], "body")).toEqual([{ path, message }]);
});

test("none of several schemas fits, and nothing says why", () => {
  const violation = { keyword: "anyOf", instancePath: "/x", message: "must match a schema in anyOf" };
  expect(explainViolations([violation], "body")).toEqual([{ path: "body", message: "is wrong" }]);
});
