import { appendFileSync, copyFileSync, truncateSync, writeFileSync } from "node:fs";
import { archivePath } from "@stigmer/agent-runner/log-format";
import { expect, test } from "vitest";
import { lineFilter } from "../../../src/logs/line-filter.ts";
import { type LogFiles, logFiles } from "../../../src/logs/log-files.ts";
import { logText, numbered, openLog, readHistory, readLog } from "../../support/logs.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const NO_FILTER = { sinceMs: null, untilMs: null, grep: null, level: null };

test("archives and live file are one log, also where a raw line runs over the seam", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  writeFileSync(archivePath(file, 8), `${logText(["one", "two"])}a raw li`);
  writeFileSync(file, `ne\n${logText(["three"])}`);
  expect(await readLog(file)).toEqual(["one", "two", "a raw line", "three"]);
});

test("a log that was never written is empty", async () => {
  await using directory = await temporaryDirectory();
  expect(await readLog(directory.file("nothing/server.log"))).toEqual([]);
});

test("a last line without a newline is shown", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  writeFileSync(file, `${logText(["one"])}Segmentation fau`);
  expect(await readLog(file)).toEqual(["one", "Segmentation fau"]);
  expect(await tailOf(file, 1)).toEqual(["Segmentation fau"]);
});

test.each([0, 1, 7, 499, 500, 501, 5000])("the last %i lines come from live file and archives", async (count) => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  const all = numbered(1, 1500);
  writeFileSync(archivePath(file, 1), logText(all.slice(0, 500)));
  writeFileSync(archivePath(file, 2), logText(all.slice(500, 1000)));
  writeFileSync(file, logText(all.slice(1000)));
  expect(await tailOf(file, count)).toEqual(count === 0 ? [] : all.slice(-count));
});

test("a tail counts the lines that match", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  writeFileSync(archivePath(file, 1), logText(numbered(1, 40_000)));
  writeFileSync(file, logText(numbered(40_001, 80_000)));
  const filter = lineFilter({ ...NO_FILTER, grep: /0000$/ });
  expect(await tailOf(file, 5, { filter })).toEqual([40_000, 50_000, 60_000, 70_000, 80_000].map((n) => `line ${n}`));
});

test("the time of a raw line is that of the line before it, wherever reading begins", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  const startMs = Date.UTC(2026, 0, 1);
  const crash = Array.from({ length: 5000 }, (_, index) => `    at frame ${index}`);
  writeFileSync(file, `${logText(["early"], startMs)}${crash.join("\n")}\n${logText(["late"], startMs + 60_000)}`);
  const filter = lineFilter({ ...NO_FILTER, untilMs: startMs + 30_000 });
  expect(await tailOf(file, 3, { filter })).toEqual(crash.slice(-3));
  expect(await tailOf(file, 3, { filter: lineFilter({ ...NO_FILTER, sinceMs: startMs + 30_000 }) })).toEqual(["late"]);
});

test("the last lines of a gigabyte cost a few blocks", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  writeFileSync(file, "");
  truncateSync(file, 1024 ** 3); // A hole of zeros: one line without end in front of the last ones.
  appendFileSync(file, `\n${logText(numbered(1, 1000))}`);
  let bytesRead = 0;
  const counting: LogFiles = {
    ...logFiles,
    async open(path) {
      const opened = await logFiles.open(path);
      return opened === null ? null : { ...opened, read: async (...args) => count(await opened.read(...args)) };
    },
  };
  const count = (bytes: number): number => {
    bytesRead += bytes;
    return bytes;
  };
  expect(await tailOf(file, 50, { files: counting })).toEqual(numbered(951, 1000));
  expect(bytesRead).toBeLessThan(512 * 1024);
});

test("a line of ten megabytes and bytes that are no UTF-8 come out as they went in", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  const long = "x".repeat(10_000_000);
  const odd = Buffer.from([0x66, 0xff, 0xfe, 0x80, 0xc3]);
  writeFileSync(file, Buffer.concat([Buffer.from(logText(["one", long, "two"])), odd, Buffer.from("\n")]));
  const lines = await readLog(file);
  expect(lines.map((line) => line.length)).toEqual([3, 10_000_000, 3, 5]);
  expect(lines[3]).toBe("f\ufffd\ufffd\ufffd\ufffd");
  expect((await tailOf(file, 3)).map((line) => line.length)).toEqual([10_000_000, 3, 5]);
});

test("an archive whose lines still stand in the live file, as a killed rotation leaves it, doubles nothing", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  writeFileSync(archivePath(file, 3), logText(numbered(1, 100)));
  writeFileSync(file, logText(numbered(101, 200)));
  copyFileSync(file, archivePath(file, 4)); // Complete, and the live file not emptied yet…
  appendFileSync(file, "raw output since\n");
  expect(await readLog(file)).toEqual([...numbered(1, 200), "raw output since"]);
  expect(await tailOf(file, 150)).toEqual([...numbered(52, 200), "raw output since"]);
});

test("half a copy of a killed rotation is not read", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  writeFileSync(file, logText(numbered(1, 100)));
  writeFileSync(`${archivePath(file, 1)}.partial`, logText(numbered(1, 50)));
  expect(await readLog(file)).toEqual(numbered(1, 100));
});

async function tailOf(file: string, count: number, options: Parameters<typeof openLog>[1] = {}): Promise<string[]> {
  const source = await openLog(file, options);
  try {
    const found = await source.seekTail(count);
    const lines = await readHistory(source);
    expect(lines).toHaveLength(found);
    return lines;
  } finally {
    await source.close();
  }
}
