import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { systemErrorCode } from "../../../errors.ts";

/** Of each log; enough for what led to a failure. */
const MAX_BYTES = 256 * 1024;

/** The last lines of every log file of the home, by file name. */
export async function readLogTails(directory: string): Promise<Map<string, string>> {
  const names = await listLogs(directory);
  const tails = await Promise.all(names.map(async (name) => [name, await readTail(join(directory, name))] as const));
  return new Map(tails);
}

async function listLogs(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => name.endsWith(".log")).sort();
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}

async function readTail(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const length = Math.min(size, MAX_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const text = buffer.toString("utf8", 0, bytesRead);
    // The first line is cut, and half a secret would not be recognised.
    return size > length ? text.slice(text.indexOf("\n") + 1) : text;
  } finally {
    await file.close();
  }
}
