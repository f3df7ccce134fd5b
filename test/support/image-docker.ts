import { randomBytes } from "node:crypto";
import { homedir } from "node:os";
import { Readable } from "node:stream";
import { tarFiles } from "../../src/docker/archive.ts";
import { connectDocker } from "../../src/docker/connect.ts";
import type { DockerEngine } from "../../src/docker/engine.ts";

/** The machine's engine, and names in it that belong to one test file. */
export interface ImageScope extends AsyncDisposable {
  engine: DockerEngine;
  signal: AbortSignal;
  /** A reference of this scope's own; removed, with its `:v…` companion, at the end. */
  name(label: string, registry?: string): string;
  /** Removed at the end as well. */
  alsoRemove(reference: string): void;
  /** An image of a few bytes. */
  addSmallImage(reference: string, changes?: string[]): Promise<string>;
}

export async function imageScope(): Promise<ImageScope> {
  const engine = await connectDocker({ env: process.env, homeDir: homedir() });
  const signal = new AbortController().signal;
  const unique = randomBytes(4).toString("hex");
  const references = new Set<string>();
  return {
    engine,
    signal,
    name(label, registry) {
      const reference = `${registry === undefined ? "" : `${registry}/`}stigmer-image-test-${unique}:${label}`;
      references.add(reference);
      return reference;
    },
    alsoRemove: (reference) => references.add(reference),
    async addSmallImage(reference, changes = []) {
      const content = tarFiles([{ path: "hello", content: reference, mode: 0o644, uid: 0, gid: 0 }]);
      return await engine.importImage(Readable.from([content]), reference, { changes, signal });
    },
    async [Symbol.asyncDispose]() {
      for (const reference of references) await engine.removeImage(reference);
    },
  };
}

const FIRST_LINE_DEADLINE_MS = 30_000;

/**
 * Runs the image's own entry point until the test is over, locked down as the supervisor does it. The program is up,
 * its signal handlers too, once it has printed its first line.
 */
export async function runImage(
  engine: DockerEngine,
  image: string,
  user: string,
): Promise<AsyncDisposable & { id: string; shell(script: string): Promise<string> }> {
  const id = await engine.createContainer({
    name: `stigmer-image-test-${randomBytes(4).toString("hex")}`,
    image,
    labels: {},
    env: {},
    user,
    networkMode: "none",
    extraHosts: [],
    binds: [],
    memoryBytes: 512 * 1024 * 1024,
    pidsLimit: 128,
    command: null,
    init: false,
    logMaxSizeBytes: 1024 * 1024,
    logMaxFiles: 1,
  });
  const dispose = () => engine.removeContainer(id, { force: true, volumes: true });
  try {
    await engine.startContainer(id);
    await firstLine(engine, id);
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    id,
    async shell(script) {
      const { exitCode, stdout, stderr } = await engine.exec(id, ["sh", "-c", script], { timeoutMs: 30_000 });
      if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${script}\n${stdout}${stderr}`);
      return `${stdout}${stderr}`.trim();
    },
    [Symbol.asyncDispose]: dispose,
  };
}

async function firstLine(engine: DockerEngine, id: string): Promise<void> {
  const signal = AbortSignal.timeout(FIRST_LINE_DEADLINE_MS);
  for await (const _line of engine.logs(id, { follow: true, tail: "all", since: null, until: null, signal })) return;
  throw new Error("the program in the container never said that it is up");
}
