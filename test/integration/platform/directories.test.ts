import { spawnSync } from "node:child_process";
import { chmod, chown, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ensureDirectory, prepareHome } from "../../../src/platform/directories.ts";
import { homePaths } from "../../../src/platform/paths.ts";
import { temporaryName } from "../../../src/platform/temporary-file.ts";
import { buildFixture } from "../../support/build-fixture.ts";
import { NOBODY, runAs } from "../../support/other-user.ts";
import { mountSmallDisk } from "../../support/small-disk.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const isRoot = process.getuid?.() === 0 && process.platform === "linux";
const modeOf = async (path: string) => (await stat(path)).mode & 0o7777;

describe("ensureDirectory", () => {
  test("makes it and its parents private", async () => {
    await using directory = await temporaryDirectory();
    await ensureDirectory(directory.file("a/b"));
    expect(await modeOf(directory.file("a"))).toBe(0o700);
    expect(await modeOf(directory.file("a/b"))).toBe(0o700);
  });

  test("closes one of ours that is too open, and opens none", async () => {
    await using directory = await temporaryDirectory();
    await mkdir(directory.file("open"));
    await chmod(directory.file("open"), 0o755);
    await ensureDirectory(directory.file("open"));
    expect(await modeOf(directory.file("open"))).toBe(0o700);
    for (const mode of [0o500, 0o555]) {
      await chmod(directory.file("open"), mode);
      await ensureDirectory(directory.file("open"));
      expect(await modeOf(directory.file("open"))).toBe(0o500);
    }
  });

  test.runIf(isRoot)("leaves one of another user (needs root to make one) as it is", async () => {
    await using directory = await temporaryDirectory();
    await mkdir(directory.file("d"));
    await chmod(directory.file("d"), 0o755);
    await chown(directory.file("d"), NOBODY, NOBODY);
    await ensureDirectory(directory.file("d"));
    expect(await modeOf(directory.file("d"))).toBe(0o755);
  });

  test("a file in its place or on the way is named", async () => {
    await using directory = await temporaryDirectory();
    await writeFile(directory.file("f"), "");
    for (const path of [directory.file("f"), directory.file("f/below")]) {
      await expect(ensureDirectory(path)).rejects.toMatchObject({
        code: "STATE_DAMAGED",
        message: expect.stringContaining(path),
      });
    }
  });
});

test.runIf(process.platform === "linux")(
  "a place where nothing can be made is an error, not an endless try",
  async () => {
    await expect(ensureDirectory("/proc/stigmer/home")).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining("/proc/stigmer"),
    });
  },
);

describe("prepareHome", () => {
  test("makes all folders of a home with mode 0700, on a long path with blanks, and again changes nothing", async () => {
    await using directory = await temporaryDirectory();
    const paths = homePaths(directory.file(`my home/${"x".repeat(180)}/stigmer`));
    for (let time = 0; time < 2; time += 1) {
      await prepareHome(paths);
      for (const path of [paths.home, paths.dataDir, paths.logsDir, paths.runDir, paths.workspaceDir]) {
        expect(await modeOf(path)).toBe(0o700);
      }
    }
    expect(await readdir(paths.home)).toEqual(["data", "run"]);
  });

  test("closes an open home of its own, but not a folder that is shared with other things", async () => {
    await using directory = await temporaryDirectory();
    const [own, shared] = [homePaths(directory.file("own")), homePaths(directory.file("shared"))];
    await mkdir(own.home);
    await writeFile(own.configFile, "");
    await mkdir(shared.home);
    await writeFile(join(shared.home, "thesis.txt"), "");
    for (const { home } of [own, shared]) await chmod(home, 0o755);
    await prepareHome(own);
    await prepareHome(shared);
    expect(await modeOf(own.home)).toBe(0o700);
    expect(await modeOf(shared.home)).toBe(0o755);
    expect(await modeOf(shared.dataDir)).toBe(0o700);
  });

  test("clears away what writers that were killed left behind, and nothing else", async () => {
    await using directory = await temporaryDirectory();
    const paths = homePaths(directory.path);
    await prepareHome(paths);
    const dead = spawnSync("true").pid;
    const mine = temporaryName(paths.tokenFile);
    const left = mine.replace(`.${process.pid}.`, `.${dead}.`);
    for (const path of [mine, left, join(paths.runDir, ".notes.tmp")]) await writeFile(path, "");
    await prepareHome(paths);
    expect((await readdir(paths.runDir)).map((name) => join(paths.runDir, name)).sort()).toEqual(
      [mine, join(paths.runDir, ".notes.tmp")].sort(),
    );
  });

  test.runIf(isRoot)("a home that became read-only (needs root to mount one) is PERMISSION_DENIED", async () => {
    await using disk = await mountSmallDisk(64 * 1024);
    const paths = homePaths(join(disk.path, "home"));
    await prepareHome(paths);
    disk.makeReadOnly();
    await expect(prepareHome(paths)).rejects.toMatchObject({
      code: "PERMISSION_DENIED",
      message: expect.stringContaining(paths.home),
      hint: expect.stringContaining("--home"),
    });
  });

  test.runIf(isRoot).each(["", "home"])(
    "another user's folder %j (needs root to make one) is PERMISSION_DENIED",
    async (name) => {
      await using directory = await temporaryDirectory();
      const program = await buildFixture("process/prepare-home.ts", directory.path);
      await chmod(directory.path, 0o755);
      if (name === "home") await mkdir(directory.file("home"), { mode: 0o755 });
      const home = directory.file("home");
      const outcome = await runAs(NOBODY, program, [home]);
      expect(outcome).toMatchObject({ code: "PERMISSION_DENIED", message: expect.stringContaining(home) });
      expect(JSON.stringify(outcome)).toContain(`ls -ld ${home}`);
    },
  );

  test.runIf(isRoot)("a full disk (needs root to mount one) is DISK_FULL", async () => {
    await using disk = await mountSmallDisk(64 * 1024, 3);
    const paths = homePaths(join(disk.path, "home"));
    const preparing = prepareHome(paths);
    await expect(preparing).rejects.toMatchObject({ code: "DISK_FULL", message: expect.stringContaining(paths.home) });
  });
});
