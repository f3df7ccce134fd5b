import { expect, test } from "vitest";
import { createStreamMask } from "../../../agent-runner/src/agent/stream-mask.ts";
import { createMask } from "../../../agent-runner/src/logging/mask.ts";

function stream(secrets: string[], pieces: string[]): string[] {
  const mask = createMask();
  mask.add(secrets);
  const stream = createStreamMask(mask, secrets);
  return [...pieces.map((piece) => stream.push(piece)), stream.end()];
}

test("text without a secret passes at once", () => {
  expect(stream(["hunter22"], ["Good ", "morning"])).toEqual(["Good ", "morning", ""]);
});

test("a secret is masked however it is cut into pieces", () => {
  const text = "the key is hunter22, really";
  for (let size = 1; size <= text.length; size += 1) {
    const pieces = text.match(new RegExp(`.{1,${size}}`, "g")) ?? [];
    expect(stream(["hunter22"], pieces).join("")).toBe("the key is ***, really");
  }
});

test("the beginning of a secret that does not go on is told after all", () => {
  expect(stream(["hunter22"], ["a hunt", " at night"])).toEqual(["a ", "hunt at night", ""]);
  expect(stream(["hunter22"], ["a hunt"])).toEqual(["a ", "hunt"]);
});

test("secrets that overlap themselves or begin with each other leave nothing behind", () => {
  for (const secrets of [["abab"], ["abcd", "abcdefgh"], ["aaaa"]]) {
    for (const secret of secrets) {
      const pieces = [..."x", ...secret, ..."y"];
      expect(stream(secrets, pieces).join("")).toBe("x***y");
    }
  }
});
