import { describe, expect, it } from "vitest";
import type { ContainerLogOptions } from "../../../src/docker/engine.ts";
import { toEngineTimestamp } from "../../../src/docker/log-time.ts";
import { resolveLogWindow } from "../../../src/docker/log-window.ts";
import { logFrame } from "../../support/log-frame.ts";

const seconds = Date.parse("2026-01-02T03:04:05Z") / 1000;
const at = (nanoseconds: number) => `2026-01-02T03:04:05.${String(nanoseconds).padStart(9, "0")}Z`;
const engineTime = (nanoseconds: number) => `${seconds}.${String(nanoseconds).padStart(9, "0")}`;
const piece = "x".repeat(16 * 1024);

const line = (time: number) => logFrame("stdout", `${at(time)} line\n`);
const errorLine = (time: number) => logFrame("stderr", `${at(time)} line\n`);
const longLine = (time: number, pieces: number) => [
  ...Array.from({ length: pieces - 1 }, () => logFrame("stdout", `${at(time)} ${piece}`)),
  logFrame("stdout", `${at(time)} end\n`),
];

function resolve(log: Buffer[], options: Partial<ContainerLogOptions>) {
  const asked: number[] = [];
  async function* readTail(pieces: number) {
    asked.push(pieces);
    yield* log.slice(-pieces);
  }
  const all = { follow: false, tail: "all", since: null, until: null, signal: new AbortController().signal } as const;
  const window = resolveLogWindow({ ...all, ...options }, readTail);
  return window.then((found) => ({ ...found, asked }));
}

describe("the window of a log", () => {
  const plain = { tail: "all", since: null, until: null, skip: 0, keepLast: null, asked: [] };

  it("is everything, or nothing, without a look", async () => {
    expect(await resolve([line(1)], {})).toEqual(plain);
    expect(await resolve([line(1)], { tail: 0 })).toEqual({ ...plain, tail: "0" });
  });

  it("is the engine's tail where all lines are short", async () => {
    expect(await resolve([line(1), line(2), line(3)], { tail: 2 })).toEqual({ ...plain, tail: "2", asked: [3] });
  });

  it("begins where the first wanted line begins when a long one is among the last", async () => {
    const log = [line(1), line(2), ...longLine(3, 4), line(4)];
    expect(await resolve(log, { tail: 2 })).toEqual({ ...plain, since: engineTime(3), asked: [3, 24] });
  });

  it("looks back until the first wanted line begins in sight", async () => {
    const log = [line(1), line(2), ...longLine(3, 100)];
    expect(await resolve(log, { tail: 2 })).toEqual({ ...plain, since: engineTime(2), asked: [3, 24, 192] });
  });

  it("is the whole log when that has no more lines than wanted", async () => {
    expect(await resolve([line(1), ...longLine(3, 4)], { tail: 5 })).toEqual({ ...plain, asked: [6] });
  });

  it("reaches back to a line that is older than the one before it, and skips what else comes with it", async () => {
    const log = [line(1), line(5), errorLine(4), ...longLine(6, 2)];
    expect(await resolve(log, { tail: 2 })).toEqual({ ...plain, since: engineTime(4), skip: 1, asked: [3, 24] });
    expect(await resolve(log, { tail: 3 })).toEqual({ ...plain, since: engineTime(4), skip: 0, asked: [4, 32] });
  });

  it("never begins before the time that was asked for", async () => {
    const log = [line(1), line(2), ...longLine(3, 4), line(4)];
    expect(await resolve(log, { tail: 2, since: at(4) })).toMatchObject({ since: engineTime(4), skip: 0 });
  });

  it("is counted by the reader when it has an end, because the engine takes the tail first", async () => {
    const window = await resolve([line(1), line(2)], { tail: 1, until: at(1) });
    expect(window).toEqual({ ...plain, until: engineTime(1), keepLast: 1 });
  });
});

describe("engine times", () => {
  it.each([
    ["2026-01-02T03:04:05Z", "1767323045.000000000"],
    ["2026-01-02T03:04:05.5Z", "1767323045.500000000"],
    ["2026-01-02T03:04:05.123456789Z", "1767323045.123456789"],
    ["2026-01-02T04:04:05.123456789+01:00", "1767323045.123456789"],
  ])("%s keeps its nanoseconds", (time, expected) => {
    expect(toEngineTimestamp(time)).toBe(expected);
  });

  it("refuse what is no time", () => {
    expect(() => toEngineTimestamp("yesterday")).toThrow(RangeError);
  });
});
