import { stat } from "node:fs/promises";
import { parseKeyLines } from "@stigmer/agent-runner/key-lines";
import { AppError, systemErrorCode } from "../errors.ts";
import { readTextIfExists } from "../platform/files.ts";
import { quoteForShell } from "../platform/shell-quote.ts";

/**
 * The KEY=value lines of `secrets.env`; none when there is no file. Comments, blank lines, `export` and quotes are
 * understood; nothing is expanded.
 * @throws AppError CONFIG_INVALID naming a malformed line by its number, never by its content; PERMISSION_DENIED.
 */
export async function readSecrets(path: string): Promise<Record<string, string>> {
  const text = await readTextIfExists(path);
  return text === null ? {} : parseSecrets(text, path);
}

/** As {@link readSecrets}, of a text that was read already. */
export function parseSecrets(text: string, path: string): Record<string, string> {
  const { values, malformed } = parseKeyLines(text);
  if (malformed.length > 0) {
    const lines = malformed.length === 1 ? `line ${malformed[0]}` : `lines ${malformed.join(", ")}`;
    throw new AppError("CONFIG_INVALID", `${path}: ${lines}: not of the form KEY=value`);
  }
  return values;
}

/** A sentence when others than the owner can read the file, else null. */
export async function secretsModeWarning(path: string): Promise<string | null> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) === 0) return null;
    const octal = (mode & 0o777).toString(8).padStart(4, "0");
    return `${path} has mode ${octal} and can be used by others: chmod 600 ${quoteForShell(path)}`;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return null;
    throw error;
  }
}
