import { stat } from "node:fs/promises";
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
  const secrets: Record<string, string> = {};
  const malformed: number[] = [];
  for (const [index, line] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const match = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/.exec(line);
    const value = match === null ? null : unquote(match[2] ?? "");
    if (match?.[1] === undefined || value === null) malformed.push(index + 1);
    else secrets[match[1]] = value;
  }
  if (malformed.length > 0) {
    const lines = malformed.length === 1 ? `line ${malformed[0]}` : `lines ${malformed.join(", ")}`;
    throw new AppError("CONFIG_INVALID", `${path}: ${lines}: not of the form KEY=value`);
  }
  return secrets;
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

/** Null when a quote is not closed. Double quotes know `\n`, `\"` and `\\`; single quotes take everything as it is. */
function unquote(value: string): string | null {
  const quote = value[0];
  if (quote !== '"' && quote !== "'") return value.replace(/\s+#.*$/, "");
  const end = quote === '"' ? /^"((?:[^"\\]|\\.)*)"\s*(?:#.*)?$/.exec(value) : /^'([^']*)'\s*(?:#.*)?$/.exec(value);
  if (end?.[1] === undefined) return null;
  return quote === "'" ? end[1] : end[1].replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
}
