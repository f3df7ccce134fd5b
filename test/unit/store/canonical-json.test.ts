import { expect, test } from "vitest";
import { canonicalJson } from "../../../src/store/definitions.ts";

test("equal values have one text, whatever the order of their keys", () => {
  expect(canonicalJson({ b: [1, { d: null, c: "x" }], a: true })).toBe('{"a":true,"b":[1,{"c":"x","d":null}]}');
  expect(canonicalJson({ a: true, b: [1, { c: "x", d: null }] })).toBe(
    canonicalJson({ b: [1, { d: null, c: "x" }], a: true }),
  );
});

test("the order of a list is part of its value", () => {
  expect(canonicalJson([1, 2])).not.toBe(canonicalJson([2, 1]));
});
