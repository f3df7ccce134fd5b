import { execFileSync } from "node:child_process";
import { mkdtemp, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file system of its own with room for so many bytes and, where given, so many files and folders; needs root. */
export async function mountSmallDisk(
  bytes: number,
  inodes = 0,
): Promise<AsyncDisposable & { path: string; makeReadOnly(): void }> {
  const path = await mkdtemp(join(tmpdir(), "stigmer-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes},nr_inodes=${inodes},mode=0700`, "stigmer-test", path]);
  return {
    path,
    makeReadOnly: () => execFileSync("mount", ["-o", "remount,ro", path]),
    [Symbol.asyncDispose]: async () => {
      execFileSync("umount", [path]);
      await rmdir(path);
    },
  };
}
