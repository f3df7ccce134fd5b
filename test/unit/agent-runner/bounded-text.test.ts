import { describe, expect, test } from "vitest";
import { boundText, createBoundedBuffer } from "../../../agent-runner/src/tools/bounded-text.ts";

describe("a bounded buffer", () => {
  test("keeps a short text as it is", () => {
    const buffer = createBoundedBuffer(100);
    for (const word of ["one ", "two"]) buffer.push(Buffer.from(word));
    expect(buffer.toText()).toBe("one two");
  });

  test("keeps head and tail of a long one and says how much it dropped", () => {
    const buffer = createBoundedBuffer(1_000);
    for (let at = 0; at < 10_000; at += 1) buffer.push(Buffer.from(`${String(at).padStart(9, "0")}\n`));
    const text = buffer.toText();
    expect(text.length).toBeLessThanOrEqual(1_000);
    expect(text).toMatch(/^000000000\n/);
    expect(text).toMatch(/000009999\n$/);
    const dropped = Number(/\[… (\d+) bytes dropped …\]/.exec(text)?.[1]);
    const kept = text.replace(/\n\[….*…\]\n/, "");
    expect(dropped + kept.length).toBe(buffer.size);
    expect(buffer.size).toBe(100_000);
  });

  test("does not split a character", () => {
    const buffer = createBoundedBuffer(1_001);
    buffer.push(Buffer.from("€😀é".repeat(2_000)));
    for (let limit = 900; limit < 1_001; limit += 1) expect(buffer.toText(limit)).not.toContain("\uFFFD");
  });

  test("puts a character together that came in two pieces", () => {
    const buffer = createBoundedBuffer(100);
    const bytes = Buffer.from("€");
    buffer.push(bytes.subarray(0, 1));
    buffer.push(bytes.subarray(1));
    expect(buffer.toText()).toBe("€");
  });
});

test.each([64, 65, 1_000])("a text bounded to %i bytes is no longer than that", (limit) => {
  for (const size of [limit - 1, limit, limit + 1, limit * 10]) {
    expect(Buffer.byteLength(boundText("é".repeat(size), limit))).toBeLessThanOrEqual(limit);
  }
  expect(boundText("x".repeat(limit), limit)).toBe("x".repeat(limit));
});
