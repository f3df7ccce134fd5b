import { createHash, randomBytes } from "node:crypto";
import { readTextIfExists, writeFileAtomic } from "./files.ts";

const SECRET = /^[0-9a-f]{64}$/;

/** The secret in a file that only this user can read; made when there is none, or something else. @throws AppError. */
export async function readOrCreateSecret(path: string): Promise<string> {
  const recorded = await readSecret(path);
  if (recorded !== null) return recorded;
  const secret = randomBytes(32).toString("hex");
  await writeFileAtomic(path, `${secret}\n`);
  return secret;
}

/** Null when the file holds none. @throws AppError, as readTextIfExists does. */
export async function readSecret(path: string): Promise<string | null> {
  const text = (await readTextIfExists(path))?.trim() ?? "";
  return SECRET.test(text) ? text : null;
}

/** Tells one secret from another without telling either. */
export function secretDigest(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
