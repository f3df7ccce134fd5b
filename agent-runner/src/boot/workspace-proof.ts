import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeDirectory } from "../make-directory.ts";
import type { HelloRequest } from "../protocol/messages.ts";

/** Proves from inside that the workspace can be written: by a test file that is made and removed. */
export async function proveWorkspace(path: string, pid: number): Promise<NonNullable<HelloRequest["workspace"]>> {
  const probe = join(path, `.stigmer-write-test-${pid}`);
  try {
    makeDirectory(path);
    await writeFile(probe, "", { flag: "wx" });
    await rm(probe);
    return { path, writable: true, reason: null };
  } catch (error) {
    return { path, writable: false, reason: error instanceof Error ? error.message : String(error) };
  }
}
