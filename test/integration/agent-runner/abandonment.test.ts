import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { isAbandoned } from "../../../agent-runner/src/boot/abandonment.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const MINUTE_MS = 60_000;

test("a host process ends when its server is gone for a minute and its PID file is gone or names another", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("runner.pid");
  expect(await isAbandoned(MINUTE_MS, file, 4711)).toBe(true);
  await writeFile(file, "4712\n{}\n");
  expect(await isAbandoned(MINUTE_MS, file, 4711)).toBe(true);
  await writeFile(file, "");
  expect(await isAbandoned(MINUTE_MS, file, 4711)).toBe(true);
});

test("it stays while its PID file names it, while the server was there lately, and as a container", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("runner.pid");
  expect(await isAbandoned(MINUTE_MS - 1, file, 4711)).toBe(false);
  expect(await isAbandoned(MINUTE_MS, null, 4711)).toBe(false);
  await writeFile(file, "4711\n{}\n");
  expect(await isAbandoned(MINUTE_MS * 60, file, 4711)).toBe(false);
});
