import { randomBytes } from "node:crypto";
import { homedir } from "node:os";
import { type GenerationInput, generateFiles } from "../../src/deploy/generate.ts";
import { down } from "../../src/deploy/up/down.ts";
import { findResources } from "../../src/deploy/up/resources.ts";
import { up } from "../../src/deploy/up/up.ts";
import { write } from "../../src/deploy/write/write.ts";
import { connectDocker } from "../../src/docker/connect.ts";
import type { DockerEngine } from "../../src/docker/engine.ts";
import { AppError } from "../../src/errors.ts";
import { generationInput } from "./deployable-workflow.ts";
import { freePort } from "./free-port.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** A deployment of one test on the machine's engine; all of it goes at the end. */
export interface UpRig extends AsyncDisposable {
  engine: DockerEngine;
  name: string;
  port: number;
  directory: string;
  /** What `up` told, in order. */
  progress: string[];
  up(changes?: RigChanges): Promise<string>;
  /** A GET below its URL. */
  get(path: string): Promise<{ status: number; text: string }>;
  /** Names and IDs of everything that is the deployment's in Docker. */
  resources(): Promise<Record<string, string[]>>;
}

export interface RigChanges extends Partial<GenerationInput> {
  secrets?: Record<string, string>;
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Called with each line of progress, before `up` goes on. */
  onProgress?: (line: string) => void;
  /** Between the writing of the files and the build. */
  edit?: (directory: string) => Promise<void>;
}

/** Generous: the machine builds other things at the same time. */
const HEALTHY_MS = 60_000;
/** A request that met a container on its way up or down may never be answered. */
const ANSWER_MS = 10_000;

/** @param env names the engine in `DOCKER_HOST`; the machine's own by default. */
export async function upRig(env: NodeJS.ProcessEnv = process.env): Promise<UpRig> {
  const engine = await connectDocker({ env, homeDir: homedir() });
  const name = `dep-${randomBytes(4).toString("hex")}`;
  const port = await freePort();
  const place = await temporaryDirectory();
  const directory = place.file("deploy");
  const progress: string[] = [];
  return {
    engine,
    name,
    port,
    directory,
    progress,
    async up({ edit, onProgress, secrets = {}, signal, timeoutMs = HEALTHY_MS, ...changes } = {}) {
      const generated = generateFiles(generationInput({ name, apiPort: port, server: stubServer(), ...changes }));
      await write(directory, generated.files, { force: true });
      await edit?.(directory);
      return await up({
        engine,
        generated,
        directory,
        values: { secrets, settings: {} },
        timeoutMs,
        env: process.env,
        writeDirectory: async () => {},
        progress(line) {
          progress.push(line);
          onProgress?.(line);
        },
        signal: signal ?? new AbortController().signal,
      });
    },
    async get(path) {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(ANSWER_MS) });
      return { status: answer.status, text: await answer.text() };
    },
    async resources() {
      const { containers, images, networks, volumes } = await findResources(engine, name);
      return {
        containers: containers.map(({ id, name }) => `${name} ${id}`).sort(),
        images: images.map(({ id, tags }) => `${tags} ${id}`).sort(),
        networks: networks.map(({ id }) => id),
        volumes: volumes.map((volume) => volume.name).sort(),
      };
    },
    async [Symbol.asyncDispose]() {
      await place[Symbol.asyncDispose]();
      await down({ engine, name, volumes: true }).catch((error: unknown) => {
        if (!(error instanceof AppError && error.code === "NOT_FOUND")) throw error;
      });
    },
  };
}

/**
 * A server of a few lines instead of the real one. It answers health, tells `say` at `/`, keeps a file in its data
 * directory, and ends on SIGTERM; `first` is run before all that.
 */
export function stubServer({ first = "", say = "hello" }: { first?: string; say?: string } = {}): Buffer {
  return Buffer.from(`
const { existsSync, readFileSync, writeFileSync } = require("node:fs");
const kept = process.env.DATA_DIR + "/kept";
${first}
console.log("uid " + process.getuid());
require("node:http").createServer((request, response) => {
  if (request.url === "/keys") return response.end(readFileSync(process.env.SECRETS_FILE));
  if (request.url === "/kept") return response.end(String(existsSync(kept)));
  response.end(${JSON.stringify(say)});
}).listen(process.env.PORT, process.env.HOST, () => writeFileSync(kept, "kept"));
process.on("SIGTERM", () => { console.log("ending"); process.exit(0); });
`);
}
