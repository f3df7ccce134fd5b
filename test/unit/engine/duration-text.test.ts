import { expect, test } from "vitest";
import { describeDuration } from "../../../src/engine/embedded/duration-text.ts";

test.for([
  [250, "250ms"],
  [1_000, "1s"],
  [90_000, "1m30s"],
  [600_000, "10m"],
  [3_601_000, "1h1s"],
] as const)("%i ms are written %s", ([ms, text]) => {
  expect(describeDuration(ms)).toBe(text);
});
