import { readdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { text as readStream } from "node:stream/consumers";
import { AppError, systemErrorCode } from "../../../errors.ts";
import type { CommandContext } from "../../context.ts";

/** A text to be read for definitions, and its name as the user would type it. */
export interface DefinitionText {
  text: string;
  file: string;
}

/** Definitions are small; whatever is larger was named by mistake. */
const MAX_BYTES = 8 * 1024 * 1024;

/**
 * What `-f` names: files, the `*.yaml`, `*.yml` and `*.json` of directories (not of those below), `-` for standard
 * input. Each once, in the order given, those of a directory by name.
 * @throws AppError USAGE naming what cannot be read.
 */
export async function readDefinitionTexts(
  paths: string[],
  context: Pick<CommandContext, "cwd" | "stdin">,
): Promise<DefinitionText[]> {
  const files = new Map<string, string>();
  for (const path of paths) {
    if (path === "-") files.set("-", "<stdin>");
    else for (const file of await expand(path, context.cwd)) addOnce(files, resolve(context.cwd, file), file);
  }
  return Promise.all(
    [...files].map(async ([absolute, file]) => ({
      file,
      text: absolute === "-" ? await readStream(context.stdin) : await readText(absolute, file),
    })),
  );
}

function addOnce(files: Map<string, string>, absolute: string, file: string): void {
  if (!files.has(absolute)) files.set(absolute, file);
}

async function expand(path: string, cwd: string): Promise<string[]> {
  const absolute = resolve(cwd, path);
  const found = await stat(absolute).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  if (!found.isDirectory()) return [path];
  const entries = await readdir(absolute, { withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  const names = entries.filter((entry) => !entry.isDirectory() && /\.(ya?ml|json)$/i.test(entry.name));
  if (names.length === 0) throw new AppError("USAGE", `The directory ${path} has no *.yaml, *.yml or *.json file`);
  return names.map(({ name }) => join(path, name)).sort();
}

async function readText(absolute: string, file: string): Promise<string> {
  try {
    const { size } = await stat(absolute);
    if (size > MAX_BYTES) throw new AppError("USAGE", `${file} is too large for a definition: ${size} bytes`);
    return await readFile(absolute, "utf8");
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(path: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = systemErrorCode(error);
  if (code === null) throw error;
  const reason = code === "ENOENT" ? "does not exist" : `cannot be read (${code})`;
  return new AppError("USAGE", `${path} ${reason}`, { cause: error });
}
