import { describe, expect, it } from "vitest";
import { FramedLineReader, type LineReader } from "../../../src/docker/log-lines.ts";
import { TerminalLineReader } from "../../../src/docker/terminal-lines.ts";
import { cut, logFrame } from "../../support/log-frame.ts";

const at = (nanoseconds: number) => `2026-01-02T03:04:05.${String(nanoseconds).padStart(9, "0")}Z`;
const piece = "x".repeat(16 * 1024);

function read(reader: LineReader, chunks: Buffer[]) {
  const lines = [...chunks.flatMap((chunk) => reader.push(chunk)), ...reader.end()];
  return lines.map(({ time, stream, line }) => [time, stream, line.toString("latin1")]);
}

describe("lines of a container without a terminal", () => {
  const log = Buffer.concat([
    logFrame("stdout", `${at(1)} first\n`),
    logFrame("stdout", `${at(2)} ${piece}`),
    logFrame("stderr", `${at(3)} between\n`),
    logFrame("stdout", `${at(2)} ${piece}`),
    logFrame("stdout", `${at(2)} end\n`),
    logFrame("stdout", Buffer.concat([Buffer.from(`${at(4)} `), Buffer.from([0xff, 0xfe, 0x0a])])),
    logFrame("stdout", `${at(5)} \n`),
    logFrame("stderr", `${at(6)} a b  c \n`),
  ]);
  const lines = [
    [at(1), "stdout", "first"],
    [at(3), "stderr", "between"],
    [at(2), "stdout", `${piece}${piece}end`],
    [at(4), "stdout", "\xff\xfe"],
    [at(5), "stdout", ""],
    [at(6), "stderr", "a b  c "],
  ];

  it.each([1, 7, 8, 100, 16_385, 1_000_000])("are the same when the stream comes in chunks of %i bytes", (size) => {
    expect(read(new FramedLineReader(), cut(log, size))).toEqual(lines);
  });

  it("end where the process ended without a newline, and a later run's line is not glued to it", () => {
    const restarted = [logFrame("stdout", `${at(1)} no newline`), logFrame("stdout", `${at(2)} next run\n`)];
    expect(read(new FramedLineReader(), restarted)).toEqual([
      [at(1), "stdout", "no newline"],
      [at(2), "stdout", "next run"],
    ]);
  });

  it("are complete when the stream ends in the middle of a long one", () => {
    expect(read(new FramedLineReader(), [logFrame("stderr", `${at(1)} ${piece}`)])).toEqual([[at(1), "stderr", piece]]);
  });

  it("may have 10 MB", () => {
    const frames = Array.from({ length: 640 }, () => logFrame("stdout", `${at(1)} ${piece}`));
    const [line, ...rest] = new FramedLineReader().push(Buffer.concat([...frames, logFrame("stdout", `${at(1)} \n`)]));
    expect(line?.line.length).toBe(640 * piece.length);
    expect(rest).toEqual([]);
  });

  it("that never end are cut before they fill the memory", () => {
    const reader = new FramedLineReader();
    const frame = logFrame("stdout", `${at(1)} ${piece}`);
    const lines = Array.from({ length: 4097 }, () => reader.push(frame)).flat();
    expect(lines.map(({ line }) => line.length)).toEqual([64 * 1024 * 1024]);
  });

  it("an error that the engine puts into the stream is thrown with its words", () => {
    expect(() => read(new FramedLineReader(), [logFrame("system", "log driver broke")])).toThrow("log driver broke");
  });

  it("a stream that is not framed is refused, not read as one huge frame", () => {
    expect(() => read(new FramedLineReader(), [Buffer.from("plain text, no frames")])).toThrow("not framed");
  });
});

describe("lines of a container with a terminal", () => {
  it.each([1, 10, 1000])("come without frames and lose \\r\\n, in chunks of %i bytes", (size) => {
    const log = Buffer.from(`${at(1)} one\r\n${at(2)} two words\r\n${at(3)} prompt> `);
    expect(read(new TerminalLineReader(), cut(log, size))).toEqual([
      [at(1), "stdout", "one"],
      [at(2), "stdout", "two words"],
      [at(3), "stdout", "prompt> "],
    ]);
  });
});
