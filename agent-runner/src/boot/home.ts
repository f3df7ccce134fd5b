import { accessSync, constants, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where programs without a home of their own keep their caches (product.md §10). */
const FALLBACK_HOME = "/tmp/home";

/**
 * The home for tools and MCP servers: `current` when it can be written, else a folder that is made for it. The image
 * runs under any uid, most of which have no passwd entry and no home.
 */
export function ensureHome(current: string | undefined): string {
  if (current !== undefined && current !== "" && isWritable(current)) return current;
  try {
    mkdirSync(FALLBACK_HOME, { recursive: true, mode: 0o700 });
  } catch {
    // A file of that name, or a read-only /tmp: the check below sends us elsewhere.
  }
  return isWritable(FALLBACK_HOME) ? FALLBACK_HOME : mkdtempSync(join(tmpdir(), "stigmer-home-"));
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
