import { describe, expect, test } from "vitest";
import { CappedOutput } from "../../../src/docker-runner/exec/capped-output.ts";
import { readOutput } from "../../../src/docker-runner/exec/read-output.ts";
import { logFrame } from "../../support/log-frame.ts";

function fill(output: CappedOutput, bytes: Buffer, chunkBytes: number): void {
  for (let start = 0; start < bytes.length; start += chunkBytes) output.add(bytes.subarray(start, start + chunkBytes));
}

describe("capped output", () => {
  test.each([1, 3, 7, 100, 1000])("keeps the first and the last bytes, in chunks of %d", (chunkBytes) => {
    const text = Array.from({ length: 500 }, (_, index) => String(index % 10)).join("");
    for (const length of [0, 1, 63, 64, 65, 127, 128, 129, 200, 500]) {
      const output = new CappedOutput(64);
      fill(output, Buffer.from(text.slice(0, length)), chunkBytes);
      const { droppedBytes, text: kept } = output.read();
      expect(droppedBytes).toBe(Math.max(0, length - 128));
      const whole = text.slice(0, length);
      expect(kept).toBe(length <= 128 ? whole : whole.slice(0, 64) + whole.slice(-64));
    }
  });

  test("joins characters that chunks divide", () => {
    const text = "aé€😀".repeat(10);
    const output = new CappedOutput();
    fill(output, Buffer.from(text), 1);
    expect(output.read()).toEqual({ text, droppedBytes: 0 });
  });

  test("joins a character that lies across the end of the head when nothing is dropped", () => {
    const output = new CappedOutput(2);
    output.add(Buffer.from("a€"));
    expect(output.read()).toEqual({ text: "a€", droppedBytes: 0 });
  });

  test.each(["é", "€", "😀"])("leaves out the halves of %s at the cut and counts them", (character) => {
    for (let offset = 0; offset < 4; offset += 1) {
      const bytes = Buffer.from(`${"x".repeat(offset)}${character.repeat(100)}`);
      const output = new CappedOutput(32);
      output.add(bytes);
      const { droppedBytes, text } = output.read();
      expect(text).not.toContain("\ufffd");
      expect(Buffer.byteLength(text) + droppedBytes).toBe(bytes.length);
      expect(droppedBytes - (bytes.length - 64)).toBeLessThan(7);
    }
  });

  test("survives bytes that are no text", () => {
    const output = new CappedOutput(8);
    output.add(Buffer.alloc(100, 0x80));
    expect(output.read().droppedBytes).toBeGreaterThanOrEqual(84);
  });

  test("holds a bounded amount of memory", () => {
    const output = new CappedOutput(1024);
    for (let round = 0; round < 10_000; round += 1) output.add(Buffer.alloc(1024, "x"));
    expect(output.read().droppedBytes).toBe(10_000 * 1024 - 2048);
  });
});

describe("an exec's output", () => {
  async function* chunks(...parts: Buffer[]): AsyncGenerator<Buffer> {
    yield* parts;
  }

  test("is taken apart however it is cut", async () => {
    const bytes = Buffer.concat([logFrame("stdout", "out"), logFrame("stderr", "err"), logFrame("stdout", "put")]);
    for (let size = 1; size <= bytes.length; size += 1) {
      const text = { stdout: "", stderr: "" };
      const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      );
      await readOutput(chunks(...parts), { tty: false }, (stream, payload) => {
        text[stream] += payload.toString();
      });
      expect(text).toEqual({ stdout: "output", stderr: "err" });
    }
  });

  test("of a terminal is one stream", async () => {
    const seen: string[] = [];
    await readOutput(chunks(Buffer.from("\u0001abc")), { tty: true }, (stream, bytes) => {
      seen.push(`${stream} ${bytes}`);
    });
    expect(seen).toEqual(["stdout \u0001abc"]);
  });

  test.each([true, false])("is not read while its reader waits (terminal: %s)", async (tty) => {
    const seen: string[] = [];
    let release = () => {};
    const bytes = tty
      ? [Buffer.from("a"), Buffer.from("b")]
      : [Buffer.concat([logFrame("stdout", "a"), logFrame("stdout", "b")])];
    const reading = readOutput(chunks(...bytes), { tty }, (_stream, payload) => {
      seen.push(String(payload));
      return new Promise<void>((resolve) => {
        release = resolve;
      });
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual(["a"]);
    release();
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual(["a", "b"]);
    release();
    await reading;
  });
});
