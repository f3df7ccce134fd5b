import { spawn } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createLogger, type Logger, type LoggerOptions } from "@stigmer/agent-runner/logging";
import { expect, test } from "vitest";
import { type LineRef, textOf } from "../../../src/logs/source.ts";
import { numbered, openLog, readLog } from "../../support/logs.ts";
import { mountSmallDisk } from "../../support/small-disk.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const isRoot = process.getuid?.() === 0;

function logTo(file: string, options: Partial<LoggerOptions> = {}): Logger & Disposable {
  const logger = createLogger({
    component: "workflow-runner",
    level: "info",
    file,
    maxSizeBytes: 10_000_000,
    maxFiles: 5,
    now: () => Date.UTC(2026, 10, 21, 8, 49, 15, 123),
    ...options,
  });
  return { ...logger, [Symbol.dispose]: () => logger.close() };
}

test("a line stands in the file with time, stream and level before the call returns", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("logs/server.log");
  using logger = logTo(file);
  logger.info("ready", { port: 7234, took: "12 ms" });
  logger.warn("two\nlines");
  logger.debug("not wanted");

  expect(readFileSync(file, "utf8")).toBe(
    [
      `2026-11-21T08:49:15.123Z o S workflow-runner process ${process.pid} started`,
      '2026-11-21T08:49:15.123Z o I ready port=7234 took="12 ms"',
      "2026-11-21T08:49:15.123Z e W two",
      "2026-11-21T08:49:15.123Z e W lines",
      "",
    ].join("\n"),
  );
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(directory.file("logs")).mode & 0o777).toBe(0o700);
});

test("masked values appear neither in a message nor in a field, not even escaped", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  using logger = logTo(file);
  logger.mask(['sk-"quoted"', "sk-plain"]);
  logger.info('key sk-"quoted"', {
    key: "sk-plain",
    deep: { list: ['x sk-"quoted" y'] },
    error: new Error("sk-plain"),
  });
  const text = readFileSync(file, "utf8");
  expect(text).not.toContain("quoted");
  expect(text).not.toContain("sk-plain");
  expect(text).toContain('key *** key=*** deep={"list":["x *** y"]} error=***');
});

test("a line that a killed process left unfinished is not glued to the next one", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  writeFileSync(file, "2026-11-21T08:49:15.123Z o I half a li");
  using logger = logTo(file);
  logger.info("next");
  expect((await readLog(file)).map((line) => line.replace(/\d+ started/, "N started"))).toEqual([
    "half a li",
    "workflow-runner process N started",
    "next",
  ]);
});

test("the files together stay under size times count, and what is kept has no gap", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  using logger = logTo(file, { maxSizeBytes: 10_000, maxFiles: 3 });
  for (const line of numbered(1, 3000)) logger.info(line);

  const names = ["server.log", ...archivesOf(directory.path)];
  expect(names).toHaveLength(3);
  expect(names.reduce((sum, name) => sum + statSync(directory.file(name)).size, 0)).toBeLessThanOrEqual(30_000);
  const kept = await readLog(file);
  expect(kept.length).toBeGreaterThan(500);
  expect(kept).toEqual(numbered(3001 - kept.length, 3000));
});

test("one file allowed means an archive and a live file of half the size each", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  using logger = logTo(file, { maxSizeBytes: 10_000, maxFiles: 1 });
  for (const line of numbered(1, 1000)) logger.info(line);
  const names = ["server.log", ...archivesOf(directory.path)];
  expect(names).toHaveLength(2);
  expect(names.reduce((sum, name) => sum + statSync(directory.file(name)).size, 0)).toBeLessThanOrEqual(10_000);
  expect((await readLog(file)).at(-1)).toBe("line 1000");
});

test("output written straight to the file counts towards its size and is archived with it", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  using logger = logTo(file, { maxSizeBytes: 20_000, maxFiles: 5 });
  appendFileSync(file, `${"x".repeat(15_000)}\n`);
  for (const line of numbered(1, 200)) logger.info(line);
  expect(archivesOf(directory.path)).toEqual(["server.log.000001"]);
  expect(await readLog(file)).toEqual(expect.arrayContaining(["x".repeat(15_000), "line 1", "line 200"]));
});

test("a log file removed by hand is made again", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  using logger = logTo(file, { maxSizeBytes: 16_000 });
  logger.info("before");
  rmSync(file);
  for (const line of numbered(1, 100)) logger.info(line);
  expect(readFileSync(file, "utf8")).toContain("line 100");
});

test.runIf(isRoot)(
  "a full disk loses lines, says how many once there is room, and never ends the process",
  async () => {
    await using disk = await mountSmallDisk(64 * 1024);
    const file = `${disk.path}/server.log`;
    writeFileSync(`${disk.path}/ballast`, Buffer.alloc(16 * 1024));
    using logger = logTo(file);
    for (let line = 1; line <= 1000; line += 1) logger.info(`line ${line} ${"x".repeat(100)}`);
    const whole = (await readLog(file)).slice(1, -1);
    rmSync(`${disk.path}/ballast`);
    logger.info("back");

    expect(whole).toEqual(whole.map((_, index) => `line ${index + 1} ${"x".repeat(100)}`));
    // The last line that the disk took in part stands by itself.
    const [cut, notice, back] = (await readLog(file)).slice(whole.length + 1);
    expect(`line ${whole.length + 1} ${"x".repeat(100)}`.startsWith(cut ?? "none")).toBe(true);
    expect(notice).toBe(`${1000 - whole.length} log messages were dropped: ENOSPC`);
    expect(back).toBe("back");
  },
);

test.runIf(isRoot)("where no archive can be written the live file stays under twice its size", async () => {
  await using disk = await mountSmallDisk(1024 * 1024, 4);
  const file = `${disk.path}/server.log`;
  using logger = logTo(file, { maxSizeBytes: 20_000 });
  writeFileSync(`${disk.path}/other`, ""); // With the folder and the log that is all this disk can name…
  writeFileSync(`${disk.path}/another`, "");
  for (const line of numbered(1, 5000)) logger.info(line);
  expect(statSync(file).size).toBeLessThan(40_100);
  expect((await readLog(file)).at(-1)).toBe("line 5000");
});

test("a folder that cannot be made costs lines, not the process", async () => {
  await using directory = await temporaryDirectory();
  writeFileSync(directory.file("logs"), "a file where the folder should be");
  using logger = logTo(directory.file("logs/server.log"));
  logger.info("lost");
  rmSync(directory.file("logs"));
  mkdirSync(directory.file("logs"));
  logger.info("back");
  const lines = await readLog(directory.file("logs/server.log"));
  expect(lines).toEqual(["2 log messages were dropped: EEXIST", "back"]);
});

test("without a file lines go to the process's output with their level and no time", () => {
  const written: string[] = [];
  const logger = createLogger({
    component: "agent-runner",
    level: "debug",
    file: null,
    maxSizeBytes: 1,
    maxFiles: 1,
    stdout: { write: (text) => written.push(`out: ${text}`) },
    stderr: { write: (text) => written.push(`err: ${text}`) },
  });
  logger.debug("a");
  logger.info("polling", { queue: "agent" });
  logger.error("b\nc");
  expect(written).toEqual(["out: DEBUG a\n", "out: INFO polling queue=agent\n", "err: ERROR b\nERROR c\n"]);
});

test("crash output that the supervisor's descriptor catches stands among the lines, as stderr", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  using logger = logTo(file);
  logger.info("before the crash");
  const descriptor = openSync(file, "a");
  const child = spawn(process.execPath, ["-e", "throw new Error('boom')"], {
    stdio: ["ignore", descriptor, descriptor],
  });
  await new Promise((resolve) => child.once("exit", resolve));
  closeSync(descriptor);
  const crash = (await readItems(file)).find((item) => textOf(item).includes("Error: boom"));
  expect(crash).toMatchObject({ stream: "stderr", level: null, timeMs: Date.UTC(2026, 10, 21, 8, 49, 15, 123) });
});

async function readItems(file: string): Promise<LineRef[]> {
  const source = await openLog(file);
  const lines: LineRef[] = [];
  for await (const items of source.history()) for (const item of items) if (item.type === "line") lines.push(item);
  await source.close();
  return lines;
}

function archivesOf(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /\.\d{6}$/.test(name))
    .sort();
}
