import { readTextIfExists, writeFileAtomic } from "../../platform/files.ts";
import type { ObservedIdFile } from "../../stack/observed.ts";

const CONTAINER_ID = /^[0-9a-f]{64}$/;

/** Reads the container-ID file: one line of 64 hex digits. Never throws on what it holds. */
export async function readContainerIdFile(path: string): Promise<ObservedIdFile> {
  let text: string | null;
  try {
    text = await readTextIfExists(path);
  } catch (error) {
    return { kind: "damaged", detail: `it cannot be read: ${error instanceof Error ? error.message : String(error)}` };
  }
  if (text === null) return { kind: "absent" };
  const id = text.trim();
  return CONTAINER_ID.test(id) ? { kind: "id", id } : { kind: "damaged", detail: "it holds no container ID" };
}

export function writeContainerIdFile(path: string, id: string): Promise<void> {
  return writeFileAtomic(path, `${id}\n`);
}
