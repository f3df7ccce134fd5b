import { describe, expect, it } from "vitest";
import { readJsonLines } from "../../../src/docker/ndjson.ts";
import { cut } from "../../support/log-frame.ts";

async function* from(chunks: Buffer[]) {
  yield* chunks;
}

async function collect(lines: AsyncIterable<unknown>) {
  const all: unknown[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

describe("JSON lines", () => {
  const text = Buffer.from('{"a":"é"}\n\n{"b":2}\r\n{"c":"last, without newline"}');

  it.each([1, 2, 5, 1000])("come once each, however the stream is cut (%i bytes)", async (size) => {
    expect(await collect(readJsonLines(from(cut(text, size))))).toEqual([
      { a: "é" },
      { b: 2 },
      { c: "last, without newline" },
    ]);
  });

  it("a line that is no JSON rejects, after the good ones before it", async () => {
    const lines = readJsonLines(from([Buffer.from('{"a":1}\nnot json\n')]));
    expect((await lines.next()).value).toEqual({ a: 1 });
    await expect(lines.next()).rejects.toThrow(SyntaxError);
  });
});
