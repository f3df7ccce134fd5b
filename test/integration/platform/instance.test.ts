import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { readInstanceId, readOrCreateInstanceId } from "../../../src/platform/instance.ts";
import { homePaths } from "../../../src/platform/paths.ts";
import { buildFixture } from "../../support/build-fixture.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("a home gets its UUID once, in a private file", async () => {
  await using directory = await temporaryDirectory();
  const paths = homePaths(directory.path);
  expect(await readInstanceId(paths)).toBeNull();
  const id = await readOrCreateInstanceId(paths);
  expect(id).toMatch(UUID);
  expect(await readOrCreateInstanceId(paths)).toBe(id);
  expect(await readInstanceId(paths)).toBe(id);
  expect(await readFile(paths.instanceIdFile, "utf8")).toBe(`${id}\n`);
  expect((await stat(paths.instanceIdFile)).mode & 0o777).toBe(0o600);
  expect(await readdir(paths.dataDir)).toEqual(["instance-id"]);
});

test("two homes get two", async () => {
  await using directory = await temporaryDirectory();
  const [one, other] = ["a", "b"].map((name) => homePaths(directory.file(name)));
  if (one === undefined || other === undefined) return expect.unreachable();
  expect(await readOrCreateInstanceId(one)).not.toBe(await readOrCreateInstanceId(other));
});

test("all who come at once, in this process and in others, get the same", async () => {
  await using directory = await temporaryDirectory();
  const program = await buildFixture("process/instance-id.ts", directory.path);
  const home = directory.file("home");
  const others = Array.from({ length: 8 }, async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [program, home], { timeout: 60_000 });
    return stdout.trim().split("\n");
  });
  const ids = (await Promise.all(others)).flat();
  expect(ids).toHaveLength(80);
  expect(new Set(ids).size).toBe(1);
  expect(await readdir(homePaths(home).dataDir)).toEqual(["instance-id"]);
}, 60_000);

test.each(["", "\n", "not a uuid\n", "00000000-0000-0000-0000-00000000000", "x".repeat(5000), "\0\0\0"])(
  "damage (%j) is STATE_DAMAGED with the way out, and the file stays as it is",
  async (content) => {
    await using directory = await temporaryDirectory();
    const paths = homePaths(directory.path);
    await mkdir(paths.dataDir);
    await writeFile(paths.instanceIdFile, content);
    for (const read of [readInstanceId, readOrCreateInstanceId]) {
      await expect(read(paths)).rejects.toMatchObject({
        code: "STATE_DAMAGED",
        message: expect.stringContaining(paths.instanceIdFile),
        actions: [
          { command: expect.stringContaining("docker ps -a --filter label=ai.stigmer.managed=true") },
          { command: `mv ${paths.instanceIdFile} ${paths.instanceIdFile}.damaged` },
        ],
      });
    }
    expect(await readFile(paths.instanceIdFile, "utf8")).toBe(content);
  },
);

test("a folder in its place is STATE_DAMAGED, too", async () => {
  await using directory = await temporaryDirectory();
  const paths = homePaths(directory.path);
  await mkdir(paths.instanceIdFile, { recursive: true });
  await expect(readOrCreateInstanceId(paths)).rejects.toMatchObject({ code: "STATE_DAMAGED" });
});
