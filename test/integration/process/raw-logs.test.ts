import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync, watch, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import { RawLogs } from "../../../src/components/process/raw-logs.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const LIMITS = { maxSizeBytes: 10_000, maxFiles: 3 };

function fail(message: string): never {
  throw new Error(message);
}

test("the start of a program is marked on a line of its own, even after half a line of a killed one", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("service.log");
  const logs = new RawLogs(fail);
  logs.markStart(file, "service started");
  appendFileSync(file, "half a li");
  logs.markStart(file, "service started");
  const lines = readFileSync(file, "utf8").split("\n");
  expect(lines).toEqual([
    expect.stringMatching(/^\d{4}-.*Z o S service started$/),
    "half a li",
    expect.stringMatching(/^\d{4}-.*Z o S service started$/),
    "",
  ]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("a log that has become large is rotated when it grows, and what its program prints goes on in the same file", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("service.log");
  writeFileSync(file, "");
  const inode = statSync(file).ino;
  new RawLogs(fail).keepSmall(file, LIMITS);
  for (let round = 1; round <= 4; round += 1) {
    const rotated = fileAppears(dirname(file), (names) => names.includes(`service.log.00000${round}`));
    appendFileSync(file, `${`round ${round}`.padEnd(99)}\n`.repeat(110));
    await rotated;
  }
  expect(statSync(file)).toMatchObject({ ino: inode, size: 0 });
  expect(readdirSync(directory.path).sort()).toEqual(["service.log", "service.log.000004"]);
});

test("a log that was left large is rotated at once", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("service.log");
  writeFileSync(file, "x".repeat(20_000));
  new RawLogs(fail).keepSmall(file, LIMITS);
  expect(statSync(file).size).toBe(0);
});

test("a rotation that fails is told, and the log stays as it is", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("service.log");
  writeFileSync(file, "x".repeat(20_000));
  mkdirSync(`${file}.000001.partial`);
  const told: string[] = [];
  new RawLogs((message) => told.push(message)).keepSmall(file, LIMITS);
  expect([told, statSync(file).size]).toEqual([[expect.stringContaining("could not be rotated")], 20_000]);
});

/** Resolves when the folder holds what is waited for. */
function fileAppears(folder: string, isThere: (names: string[]) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(folder, () => {
      if (!isThere(readdirSync(folder))) return;
      watcher.close();
      resolve();
    });
  });
}
