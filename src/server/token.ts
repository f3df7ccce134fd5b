import { randomBytes } from "node:crypto";
import { readTextIfExists, writeFileAtomic } from "../platform/files.ts";

const TOKEN = /^[0-9a-f]{64}$/;

/** The bearer token of the TCP API: that of a crashed server, so that its runners can go on, else a new one. */
export async function readOrCreateToken(path: string): Promise<string> {
  const recorded = (await readTextIfExists(path))?.trim() ?? "";
  if (TOKEN.test(recorded)) return recorded;
  const token = randomBytes(32).toString("hex");
  await writeFileAtomic(path, `${token}\n`);
  return token;
}
