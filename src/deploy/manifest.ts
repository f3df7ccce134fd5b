/** The list of what the generator wrote, by which it knows its own files again. Pure. */
import { createHash } from "node:crypto";
import * as v from "valibot";
import type { Deployment } from "./deployment.ts";

export const MANIFEST_NAME = "manifest.json";

export interface Manifest {
  /** Who wrote it: stigmer, in this version. */
  generator: "stigmer";
  version: string;
  name: string;
  flow: { name: string; version: string };
  /** SHA-256 of each file, in hex, by its path with forward slashes. */
  files: { [path: string]: string };
  /** Only while files are being replaced: those that came before, which are ours as well. */
  replacing?: { [path: string]: string } | undefined;
}

const DIGEST = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
/** A manifest may have come with a directory from anywhere: its paths must not lead out of it. */
const PATH = v.pipe(v.string(), v.regex(/^(kubernetes\/)?\.?[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$/));
const FILES = v.record(PATH, DIGEST);

const SCHEMA = v.object({
  generator: v.literal("stigmer"),
  version: v.string(),
  name: v.string(),
  flow: v.object({ name: v.string(), version: v.string() }),
  files: FILES,
  replacing: v.optional(FILES),
});

/** Null for what is no manifest of ours. */
export function parseManifest(text: string): Manifest | null {
  try {
    return v.parse(SCHEMA, JSON.parse(text));
  } catch {
    return null; // Somebody else's file of that name, or a damaged one: not ours to touch what lies beside it.
  }
}

export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** @param server the bundled server among the files: two megabytes that are the same for every workflow. */
export function manifestOf(
  { flowVersion, name, version, workflow }: Deployment,
  files: ReadonlyMap<string, Uint8Array>,
  server: Uint8Array,
): Manifest {
  return {
    generator: "stigmer",
    version,
    name,
    flow: { name: workflow.flow.name, version: flowVersion },
    files: Object.fromEntries([...files].map(([path, content]) => [path, digestOf(content)])),
  };

  function digestOf(content: Uint8Array): string {
    return content === server ? serverDigest(server) : sha256(content);
  }
}

const serverDigests = new WeakMap<Uint8Array, string>();

/** Taken once: it would be most of what a generation costs. */
function serverDigest(server: Uint8Array): string {
  const digest = serverDigests.get(server) ?? sha256(server);
  serverDigests.set(server, digest);
  return digest;
}

export function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
