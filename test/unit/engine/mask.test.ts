import { expect, test } from "vitest";
import { createMask } from "../../../src/engine/embedded/mask.ts";

test("a secret is masked wherever it stands in a value, names of members included", () => {
  const mask = createMask(["hunter2"]);
  expect(mask({ a: ["x hunter2 y", 2, null, true], hunter2: { deep: "hunter2hunter2" } })).toEqual({
    a: ["x *** y", 2, null, true],
    "***": { deep: "******" },
  });
});

test("of two secrets, one within the other, nothing of the longer one is left", () => {
  expect(createMask(["pass", "password-long"])("password-long pass")).toBe("*** ***");
});

test("an empty secret masks nothing, and a secret is no pattern", () => {
  expect(createMask([""])("text")).toBe("text");
  expect(createMask(["a.c", "$&"])("abc a.c $&")).toBe("abc *** ***");
});
