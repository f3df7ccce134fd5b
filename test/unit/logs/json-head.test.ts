import { expect, test } from "vitest";
import { LineParser } from "../../../src/logs/line-parser.ts";
import { textOf } from "../../../src/logs/source.ts";

const EARLIER = Date.parse("2026-03-01T11:00:00.000Z");

function parse(text: string) {
  const buffer = Buffer.from(text);
  return new LineParser("docker-runner", EARLIER)
    .parse({ type: "lines", buffer, start: 0, end: buffer.length })
    .map((line) => ({
      time: new Date(line.timeMs).toISOString(),
      level: line.level,
      stream: line.stream,
      text: textOf(line),
    }));
}

test("a line of a service's JSON has the time and the level that it states, and stays as it is", () => {
  const line = '{"level":"warn","time":"2026-03-01T12:00:00.123Z","msg":"no \\"quotes\\" here"}';
  expect(parse(`${line}\n`)).toEqual([
    { time: "2026-03-01T12:00:00.123Z", level: "warn", stream: "stdout", text: line },
  ]);
});

test("what follows it without a time has its time", () => {
  const lines = parse('{"level":"info","time":"2026-03-01T12:00:00.000Z"}\nError: it broke\n    at somewhere\n');
  expect(lines.map(({ level, time }) => [time, level])).toEqual([
    ["2026-03-01T12:00:00.000Z", "info"],
    ["2026-03-01T12:00:00.000Z", null],
    ["2026-03-01T12:00:00.000Z", null],
  ]);
});

test.each([
  '{"level":30,"time":1772366400000}',
  '{"level":"info","time":"not a time"}',
  '{"msg":"first","level":"info","time":"2026-03-01T12:00:00.000Z"}',
  '{"level":"info","time":"2026-03-',
  "{",
])("%s states neither in a way that is known", (line) => {
  expect(parse(line)).toEqual([{ time: "2026-03-01T11:00:00.000Z", level: null, stream: "stderr", text: line }]);
});
