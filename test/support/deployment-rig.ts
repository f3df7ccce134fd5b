import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BUNDLES, makeBundle } from "../../scripts/lib/bundle.mjs";
import { packageRoot } from "../../src/platform/package.ts";
import { freePort } from "./free-port.ts";
import { nodeRelease } from "./node-release.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** Generous: a machine that runs other tests may be slow to start a process. */
const WAIT_LIMIT_MS = 60_000;

let bundled: Promise<string> | null = null;

function serverBundle(): Promise<string> {
  bundled ??= bundleServer();
  return bundled;
}

/** The text of `server.js`, as the product's build makes it from these sources. */
export async function bundleServer(): Promise<string> {
  const bundle = BUNDLES.find(({ singleFile }) => singleFile === "server.js");
  if (bundle === undefined) throw new Error("nothing is bundled as server.js");
  const { files } = await makeBundle(bundle, packageRoot());
  const server = files.find(({ path }) => path.endsWith("server.js"));
  if (server === undefined) throw new Error("the bundle holds no server.js");
  return server.text;
}

export interface DeploymentOptions {
  workflow: string;
  agents?: object;
  manifest?: object;
  /** Of the Node that runs it; 24. */
  node?: number;
}

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire; each test says what it expects of it
  body: any;
}

/** A generated directory of one test's own, and its server: started, killed and started again on the same jobs. */
export class DeploymentRig implements AsyncDisposable {
  readonly directory: string;
  readonly #node: string;
  readonly #remove: () => Promise<void>;
  readonly #port: number;
  #child: ChildProcess | null = null;
  #isDisposed = false;
  /** What all of its servers wrote, both streams. */
  output = "";

  static async create({ workflow, agents, manifest, node = 24 }: DeploymentOptions): Promise<DeploymentRig> {
    const [temporary, server, program, port] = await Promise.all([
      temporaryDirectory(),
      serverBundle(),
      nodeRelease(node),
      freePort(),
    ]);
    await writeFile(temporary.file("server.js"), server);
    await writeFile(temporary.file("workflow.yaml"), workflow);
    if (agents !== undefined) await writeFile(temporary.file("agents.json"), JSON.stringify(agents));
    if (manifest !== undefined) await writeFile(temporary.file("package.json"), JSON.stringify(manifest));
    return new DeploymentRig(temporary.path, program, port, async () => temporary[Symbol.asyncDispose]());
  }

  private constructor(directory: string, node: string, port: number, remove: () => Promise<void>) {
    this.directory = directory;
    this.#node = node;
    this.#port = port;
    this.#remove = remove;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts the server without waiting for it. @returns its exit code, once it has one. */
  spawn(env: Record<string, string> = {}): Promise<number | null> {
    // A test that was given up may still be on its way here.
    if (this.#isDisposed) throw new Error("the deployment of this test is gone");
    const child = spawn(this.#node, ["server.js"], {
      cwd: this.directory,
      env: { PORT: String(this.#port), HOST: "127.0.0.1", PATH: process.env["PATH"] ?? "", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
      });
    }
    return once(child, "close").then(([code]) => code);
  }

  /** Starts the server and waits until it answers. */
  async start(env: Record<string, string> = {}): Promise<Promise<number | null>[]> {
    const exit = this.spawn(env);
    let exited = false;
    exit.then(
      () => {
        exited = true;
      },
      () => {},
    );
    await this.until("an answer of the server", async () => {
      if (exited) throw new Error(`the server ended:\n${this.output}`);
      return (await this.get("/health").catch(() => null))?.status === 200;
    });
    return [exit]; // In a list: a promise of a promise would be waited for.
  }

  /** The next server finds this one. */
  async replaceWorkflow(workflow: string): Promise<void> {
    await writeFile(join(this.directory, "workflow.yaml"), workflow);
  }

  /** Closes the reading ends of the server's outputs. */
  stopReading(): void {
    this.#child?.stdout?.destroy();
    this.#child?.stderr?.destroy();
  }

  /** How many files and sockets the server holds open. */
  async descriptors(): Promise<number> {
    return (await readdir(`/proc/${this.#child?.pid}/fd`)).length;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** SIGKILL, and nothing of it is left. */
  async crash(): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, "close");
    child.kill("SIGKILL");
    await closed;
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return read(await fetch(this.url + path, { headers }));
  }

  async delete(path: string): Promise<Answer> {
    return read(await fetch(this.url + path, { method: "DELETE" }));
  }

  /** `body` is sent as it is when it is a text, else as JSON. */
  async run(body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const all = { "content-type": "application/json", ...headers };
    return read(await fetch(`${this.url}/run`, { method: "POST", body: text, headers: all }));
  }

  /** Starts a job and returns its id at once. */
  async enqueue(body: unknown): Promise<string> {
    const { status, body: answer } = await this.run(body, { prefer: "respond-async" });
    if (status !== 202) throw new Error(`the job was not taken: ${status} ${JSON.stringify(answer)}`);
    return answer.job_id;
  }

  /** The job, once it has one of these states. */
  async jobWhen(id: string, ...statuses: string[]): Promise<Answer["body"]> {
    let job: Answer["body"] = null;
    await this.until(`job ${id} to be ${statuses.join(" or ")}`, async () => {
      job = (await this.get(`/status/${id}`)).body;
      return statuses.includes(job.status);
    });
    return job;
  }

  /** All events of a job, to the end of the stream. */
  async events(id: string, headers: Record<string, string> = {}): Promise<{ id: string; data: Answer["body"] }[]> {
    const response = await fetch(`${this.url}/events/${id}`, { headers });
    return parseFrames(await response.text());
  }

  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + WAIT_LIMIT_MS;
    while (!(await holds())) {
      if (performance.now() > deadline) throw new Error(`waited ${WAIT_LIMIT_MS} ms for ${what}\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await this.crash();
    await this.#remove();
  }
}

export function parseFrames(text: string): { id: string; data: Answer["body"] }[] {
  return text
    .split("\n\n")
    .filter((frame) => frame.startsWith("id: "))
    .map((frame) => {
      const lines = new Map(frame.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line]));
      return {
        id: lines.get("id")?.slice("id: ".length) ?? "",
        data: JSON.parse(lines.get("data")?.slice("data: ".length) ?? "null"),
      };
    });
}

async function read(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}
