import { appendFileSync, copyFileSync, mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { archivePath, formatProcessStart } from "@stigmer/agent-runner/log-format";
import { createLogger } from "@stigmer/agent-runner/logging";
import { beforeAll, expect, test } from "vitest";
import { type LogFiles, logFiles } from "../../../src/logs/log-files.ts";
import { openProcessSource } from "../../../src/logs/process-source.ts";
import { buildFixture } from "../../support/build-fixture.ts";
import { ended, Follower, logText, numbered, startWriter } from "../../support/logs.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

let program: string;

beforeAll(async () => {
  const directory = await temporaryDirectory();
  program = await buildFixture("logs/write-lines.ts", directory.path);
  return () => directory[Symbol.asyncDispose]();
});

test("lines are shown as they are written, after those that were there", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  writeFileSync(file, logText(["one"]));
  await using follower = follow(file, directory.path);
  await follower.untilShown("one");
  appendFileSync(file, `${logText(["two"])}half a`);
  await follower.untilShown("two");
  appendFileSync(file, " line\n");
  await follower.untilShown("half a line");
  expect(follower.lines).toEqual(["one", "two", "half a line"]);
});

test("a line wakes its reader: forty of them, one after the other, do not wait for forty ticks", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  writeFileSync(file, "");
  await using follower = follow(file, directory.path);
  const beganMs = performance.now();
  for (const line of numbered(1, 40)) {
    appendFileSync(file, logText([line]));
    await follower.untilShown(line);
  }
  expect(performance.now() - beganMs).toBeLessThan(15_000); // Ticks alone would take twenty seconds.
});

test("a log that does not exist yet is followed from its first line", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("logs/server.log");
  await using follower = follow(file, directory.file("logs"));
  mkdirSync(directory.file("logs"));
  writeFileSync(file, formatProcessStart("started", 0) + logText(["one"]));
  await follower.untilShown("one");
  expect(follower.lines).toEqual(["started", "one"]);
});

test("another process that writes on is told by a marker before its first line", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  writeFileSync(file, formatProcessStart("first", 0) + logText(["one"]));
  await using follower = follow(file, directory.path);
  await follower.untilShown("one");
  appendFileSync(file, formatProcessStart("second", 1000) + logText(["two"]));
  await follower.untilShown("two");
  expect(follower.lines).toEqual(["first", "one", "<restarted>", "second", "two"]);
});

test("a reader finishes the archive of what it was reading, whenever it looks", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  using logger = loggerTo(file, 6000, 1000);
  await using follower = follow(file, directory.path);
  for (let line = 1; line <= 2000; line += 1) {
    logger.info(`line ${line}`);
    // Give the reader a turn at odd places.
    if (line % 37 === 0) await new Promise(setImmediate);
  }
  await follower.untilShown("line 2000");
  expect(follower.lines.slice(1)).toEqual(numbered(1, 2000));
});

test("a reader left behind gets one marker, and goes on with the oldest line that is kept", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  using logger = loggerTo(file, 6000, 3);
  await using follower = follow(file, directory.path);
  logger.info("line 0");
  await follower.untilShown("line 0");
  // In one turn of the event loop: the reader sees nothing of it before it is over.
  for (const line of numbered(1, 5000)) logger.info(line);
  await follower.untilShown("line 5000");
  const gap = follower.lines.indexOf("<truncated>");
  const after = follower.lines.slice(gap + 1);
  expect(follower.lines.filter((line) => line.startsWith("<"))).toEqual(["<truncated>"]);
  expect(after.length).toBeGreaterThan(200);
  expect(after).toEqual(numbered(5001 - after.length, 5000));
  const before = follower.lines.slice(1, gap);
  expect(before).toEqual(numbered(0, before.length - 1));
});

test("a log emptied by hand is a marker, and what comes then is shown", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  writeFileSync(file, logText(["one", "two"]));
  await using follower = follow(file, directory.path);
  await follower.untilShown("two");
  truncateSync(file, 0);
  await follower.until("the marker", (lines) => lines.includes("<truncated>"));
  appendFileSync(file, logText(["three"]));
  await follower.untilShown("three");
  expect(follower.lines).toEqual(["one", "two", "<truncated>", "three"]);
});

test("a rotation that was killed between its steps, and repaired by the next process, loses and doubles nothing", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  writeFileSync(file, logText(numbered(1, 50)));
  await using follower = follow(file, directory.path);
  await follower.untilShown("line 50");
  copyFileSync(file, archivePath(file, 1));
  appendFileSync(file, "crash output\n");
  await follower.untilShown("crash output");
  using logger = loggerTo(file, 4000, 5);
  for (const line of numbered(51, 300)) logger.info(line);
  await follower.untilShown("line 300");
  const text = follower.lines.filter((line) => !line.endsWith(" started"));
  expect(text).toEqual([...numbered(1, 50), "crash output", "<restarted>", ...numbered(51, 300)]);
});

test("a rotation between finding a file and reading it goes unnoticed", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  const last = 10_000;
  using logger = loggerTo(file, 6000, 10_000);
  let next = 1;
  const write = (count: number): void => {
    for (const end = Math.min(last, next + count - 1); next <= end; next += 1) logger.info(`line ${next}`);
  };
  let isHostile = false;
  let step = 0;
  const writeSome = (): void => {
    step += 1;
    if (isHostile) write((step * 37) % 200);
  };
  // Every step of the reader is preceded by enough lines for a rotation.
  const hostile: LogFiles = {
    listArchives: (path) => {
      const archives = logFiles.listArchives(path);
      writeSome();
      return archives;
    },
    isUnfinishedRotation: (path, generation) => logFiles.isUnfinishedRotation(path, generation),
    stat: async (path) => {
      writeSome();
      return logFiles.stat(path);
    },
    async open(path) {
      writeSome();
      const opened = await logFiles.open(path);
      return opened === null
        ? null
        : {
            ...opened,
            async read(...args) {
              writeSome();
              return opened.read(...args);
            },
          };
    },
  };
  await using follower = follow(file, directory.path, hostile);
  write(1);
  await follower.untilShown("line 1");
  isHostile = true;
  await follower.untilShown(`line ${last}`);
  expect(follower.lines.slice(1)).toEqual(numbered(1, last));
});

test("a follower of a writer that rotates at full speed misses nothing, or says so where it did", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  await using follower = follow(file, directory.path);
  const writer = await startWriter(program, [file, 1, 100_000, 200_000, 5]);
  await ended(writer);
  await follower.until("the last line", (lines) => lines.at(-1)?.startsWith("line 100000 ") === true);
  expectInOrder(follower.lines, { last: 100_000 });
});

test("writers killed at random moments lose no line they had logged before, and a follower doubles none", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("server.log");
  const random = seededRandom(7);
  await using follower = follow(file, directory.path);
  let first = 1;
  for (let round = 0; round < 8; round += 1) {
    const writer = await startWriter(program, [file, first, 1_000_000, 100_000, 1000]);
    const target = first + Math.floor(random() * 5000);
    await follower.until(`line ${target}`, (lines) => numberOf(lines.at(-1)) >= target);
    writer.kill("SIGKILL");
    await ended(writer);
    first = 1_000_000 * (round + 1) + 1;
  }
  using logger = loggerTo(file, 100_000, 1000);
  logger.info("line 99000000 end");
  await follower.until("the end", (lines) => lines.at(-1) === "line 99000000 end");
  expect(follower.lines).not.toContain("<truncated>");
  expect(follower.lines.filter((line) => line === "<restarted>")).toHaveLength(8);
  // Inside a round every number follows the one before: neither a gap nor a repetition.
  const numbers = follower.lines.filter((line) => line.startsWith("line ")).map(numberOf);
  const jumps = numbers.filter((number, index) => index > 0 && number !== (numbers[index - 1] ?? 0) + 1);
  expect(jumps).toHaveLength(8);
});

function follow(file: string, folder: string, files: LogFiles = logFiles): Follower {
  return new Follower(
    (following) => openProcessSource({ component: "workflow-runner", file, filter: null, follow: following, files }),
    folder,
  );
}

function loggerTo(file: string, maxSizeBytes: number, maxFiles: number) {
  const logger = createLogger({ component: "workflow-runner", level: "info", file, maxSizeBytes, maxFiles });
  return { ...logger, [Symbol.dispose]: () => logger.close() };
}

function numberOf(line: string | undefined): number {
  return Number(/^line (\d+)/.exec(line ?? "")?.[1] ?? Number.NaN);
}

/** Numbers grow by one; where they jump, a marker stands between. */
function expectInOrder(lines: readonly string[], { last }: { last: number }): void {
  let expected: number | null = 1;
  for (const line of lines) {
    if (line === "<truncated>") expected = null;
    if (!line.startsWith("line ")) continue;
    const number = numberOf(line);
    if (expected !== null) expect(number).toBe(expected);
    expected = number + 1;
  }
  expect(expected).toBe(last + 1);
}
