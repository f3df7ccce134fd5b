import { execFileSync } from "node:child_process";
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  readTextIfExists,
  readTextIfExistsSync,
  removeIfExists,
  writeFileAtomic,
} from "../../../src/platform/files.ts";
import { mountSmallDisk } from "../../support/small-disk.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const isRoot = process.getuid?.() === 0 && process.platform === "linux";

describe("writeFileAtomic", () => {
  test("writes a private file, replaces it as a whole, and leaves nothing beside it", async () => {
    await using directory = await temporaryDirectory();
    await writeFileAtomic(directory.file("f"), "one, and longer");
    await writeFileAtomic(directory.file("f"), "two");
    expect(await readFile(directory.file("f"), "utf8")).toBe("two");
    expect((await stat(directory.file("f"))).mode & 0o777).toBe(0o600);
    expect(await readdir(directory.path)).toEqual(["f"]);
  });

  test("gives the mode that was asked for, whatever the umask and the old file's mode", async () => {
    await using directory = await temporaryDirectory();
    await writeFile(directory.file("f"), "", { mode: 0o600 });
    await writeFileAtomic(directory.file("f"), new Uint8Array([0, 255]), { mode: 0o666 });
    expect((await stat(directory.file("f"))).mode & 0o777).toBe(0o666);
    expect(await readFile(directory.file("f"))).toEqual(Buffer.from([0, 255]));
  });

  test("a reader never sees half a file", async () => {
    await using directory = await temporaryDirectory();
    const contents = ["a".repeat(300_000), "b".repeat(200_000)];
    await writeFileAtomic(directory.file("f"), contents[0] ?? "");
    let isWriting = true;
    const writing = (async () => {
      for (let round = 0; round < 20; round += 1) {
        await writeFileAtomic(directory.file("f"), contents[round % 2] ?? "");
      }
      isWriting = false;
    })();
    while (isWriting) expect(contents).toContain(await readFile(directory.file("f"), "utf8"));
    await writing;
  });

  test("a folder in its place is an error that names it, and nothing is left over", async () => {
    await using directory = await temporaryDirectory();
    await mkdir(directory.file("f"));
    const writing = writeFileAtomic(directory.file("f"), "x");
    await expect(writing).rejects.toMatchObject({
      code: "STATE_DAMAGED",
      message: expect.stringContaining(directory.file("f")),
    });
    expect(await readdir(directory.path)).toEqual(["f"]);
  });

  test.runIf(isRoot)("a full disk (needs root to mount one) leaves the old file and no other", async () => {
    await using disk = await mountSmallDisk(64 * 1024);
    const path = join(disk.path, "f");
    await writeFileAtomic(path, "old");
    await expect(writeFileAtomic(path, "n".repeat(200_000))).rejects.toMatchObject({
      code: "DISK_FULL",
      message: expect.stringContaining(path),
      actions: [{ command: `df -h ${disk.path}` }],
    });
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(disk.path)).toEqual(["f"]);
    await writeFileAtomic(path, "new");
    expect(await readFile(path, "utf8")).toBe("new");
  });

  test.runIf(isRoot)("a read-only disk (needs root to mount one) is PERMISSION_DENIED", async () => {
    await using disk = await mountSmallDisk(64 * 1024);
    await writeFileAtomic(join(disk.path, "f"), "old");
    disk.makeReadOnly();
    await expect(writeFileAtomic(join(disk.path, "f"), "new")).rejects.toMatchObject({
      code: "PERMISSION_DENIED",
      message: expect.stringContaining("read-only"),
    });
    expect(await readFile(join(disk.path, "f"), "utf8")).toBe("old");
  });
});

describe.each([
  ["readTextIfExists", readTextIfExists],
  ["readTextIfExistsSync", async (...args: Parameters<typeof readTextIfExistsSync>) => readTextIfExistsSync(...args)],
])("%s", (_name, read) => {
  test("reads a file, also through a link, and knows when there is none", async () => {
    await using directory = await temporaryDirectory();
    await writeFile(directory.file("f"), "text\n");
    await symlink("f", directory.file("link"));
    expect(await read(directory.file("f"))).toBe("text\n");
    expect(await read(directory.file("link"))).toBe("text\n");
    expect(await read(directory.file("none"))).toBeNull();
  });

  test("reads what has the largest allowed size, and no more", async () => {
    await using directory = await temporaryDirectory();
    await writeFile(directory.file("f"), "12345");
    expect(await read(directory.file("f"), { maxBytes: 5 })).toBe("12345");
    await expect(read(directory.file("f"), { maxBytes: 4 })).rejects.toMatchObject({
      code: "STATE_DAMAGED",
      message: expect.stringContaining(directory.file("f")),
    });
    expect(await read("/proc/self/stat")).toContain(String(process.pid));
  });

  test("a FIFO nobody writes to does not block, and a folder or a device is no file", async () => {
    await using directory = await temporaryDirectory();
    execFileSync("mkfifo", [directory.file("fifo")]);
    for (const path of [directory.file("fifo"), directory.path, "/dev/zero"]) {
      await expect(read(path)).rejects.toMatchObject({ code: "STATE_DAMAGED" });
    }
  });

  test("a file where a folder belongs is not taken for a missing file", async () => {
    await using directory = await temporaryDirectory();
    await writeFile(directory.file("f"), "");
    await expect(read(directory.file("f/below"))).rejects.toMatchObject({ code: "STATE_DAMAGED" });
  });
});

test("removeIfExists says whether there was a file", async () => {
  await using directory = await temporaryDirectory();
  await writeFile(directory.file("f"), "");
  expect(await removeIfExists(directory.file("f"))).toBe(true);
  expect(await removeIfExists(directory.file("f"))).toBe(false);
});

test("removeIfExists deletes no folder and says so", async () => {
  await using directory = await temporaryDirectory();
  await mkdir(directory.file("d"));
  await chmod(directory.file("d"), 0o700);
  await expect(removeIfExists(directory.file("d"))).rejects.toMatchObject({
    message: expect.stringContaining(directory.file("d")),
  });
  expect(await readdir(directory.path)).toEqual(["d"]);
});
