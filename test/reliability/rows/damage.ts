import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parse } from "yaml";
import { readContainerIdFile } from "../../../src/components/container/container-id-file.ts";
import { readPidFile } from "../../../src/components/process/pid-file.ts";
import { loadSettings } from "../../../src/config/load.ts";
import { SETTINGS } from "../../../src/config/schema.ts";
import { AppError } from "../../../src/errors.ts";
import { buildEngineProgram } from "../../support/engine-program.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import type { Bench, Trial } from "../bench.ts";
import { mutate } from "../mutation.ts";
import type { Row } from "../row.ts";
import { Stranger } from "../stranger.ts";
import { Subject } from "../subject.ts";

/** So many mutations make one trial, which is repeated by its seed. */
const BATCH = 100;
/** One in so many mutated homes goes through the command line itself. */
const COMMANDS_PER_BATCH = 1;
const BOOT_ID = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
const CONFIG = `server:
  host: 127.0.0.1
  port: 7300
agent_runner: { runtime: docker, concurrency: 7 }
llm:
  provider: ollama
  model: some-model:7b
temporal: { managed: false, namespace: other }
logs: { max_files: 3 }
`;
/** Compared with an independent reading of the file: where that finds another value, a default came in silently. */
const COMPARED = [
  "server.port",
  "agent_runner.concurrency",
  "llm.model",
  "temporal.namespace",
  "logs.max_files",
] as const;

export const damagedFiles: Row = {
  name: "damage",
  fault: "PID, container-ID, config and database files with flipped bits, lost, doubled and foreign pieces",
  holds:
    "never a crash, never another process than the recorded one, never a default in place of a damaged setting; a database that cannot be used stays as it is",
  runs: { small: 500, full: 10_000 },
  async run(bench) {
    await using directory = await temporaryDirectory();
    const database = await makeDatabase(directory.path);
    const program = await buildEngineProgram("reliability/open-databases.ts", directory.path);
    for (let done = 0; done < bench.runs; done += BATCH) {
      await bench.trial(
        "damaged files",
        (trial) => damageBatch(trial, { bench, directory: directory.path, program, database }),
        BATCH,
      );
    }
  },
};

interface Workshop {
  bench: Bench;
  directory: string;
  program: string;
  database: Buffer;
}

/** 40 PID files, 10 ID files, 25 configurations, 25 databases. */
async function damageBatch(trial: Trial, workshop: Workshop): Promise<void> {
  using recorded = new Stranger();
  for (let count = 0; count < 40; count += 1) await damagePidFile(trial, workshop, recorded);
  for (let count = 0; count < 10; count += 1) await damageIdFile(trial, workshop);
  for (let count = 0; count < 25; count += 1) await damageConfig(trial, workshop);
  await damageDatabases(trial, workshop, 25);
  for (let count = 0; count < COMMANDS_PER_BATCH; count += 1) await damageHome(trial);
}

async function damagePidFile(trial: Trial, { directory }: Workshop, recorded: Stranger): Promise<void> {
  const instance = randomUUID();
  const path = join(directory, "some.pid");
  writeFileSync(path, mutate(Buffer.from(recorded.record({ instance, bootId: BOOT_ID })), trial.dice));
  const state = await readPidFile(path, instance);
  trial.saw(`PID file: ${state.kind}`);
  if (state.kind === "alive" && state.identity.pid !== recorded.pid)
    trial.blame(`${readFileSync(path)} gave away ${state.identity.pid}`);
}

async function damageIdFile(trial: Trial, { directory }: Workshop): Promise<void> {
  const path = join(directory, "some.id");
  writeFileSync(path, mutate(Buffer.from(`${"0123456789abcdef".repeat(4)}\n`), trial.dice));
  const state = await readContainerIdFile(path);
  trial.saw(`ID file: ${state.kind}`);
  if (state.kind === "id" && !/^[0-9a-f]{64}$/.test(state.id)) trial.blame(`${readFileSync(path)} became ${state.id}`);
}

async function damageConfig(trial: Trial, { directory }: Workshop): Promise<void> {
  const path = join(directory, "config.yaml");
  writeFileSync(path, mutate(Buffer.from(CONFIG), trial.dice));
  try {
    const { written } = await loadSettings({ configFile: path, env: {} });
    trial.saw("config: read");
    const document = readIndependently(path);
    for (const key of COMPARED) {
      const wanted = valueAt(document, key) ?? SETTINGS[key].fallback;
      if (String(written[key]) !== String(wanted))
        trial.blame(`${key} is ${written[key]}, the file says ${wanted}:\n${readFileSync(path)}`);
    }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "CONFIG_INVALID") throw error;
    trial.saw("config: refused");
  }
}

function readIndependently(path: string): unknown {
  const text = readFileSync(path, "utf8");
  return parse(text, { logLevel: "silent" });
}

function valueAt(document: unknown, key: string): unknown {
  let value = document;
  for (const name of key.split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Object.entries(value).find(([found]) => found === name)?.[1];
  }
  return value;
}

/** In a process of its own, whose crash would be seen. */
async function damageDatabases(trial: Trial, { directory, program, database }: Workshop, count: number): Promise<void> {
  const files = Array.from({ length: count }, (_unused, index) => {
    const path = join(directory, `damaged-${index}.db`);
    const bytes = mutate(database, trial.dice);
    writeFileSync(path, bytes);
    return { path, bytes };
  });
  const child = spawn(process.execPath, [program, ...files.map(({ path }) => path)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = new Promise<string>((resolve) =>
    child.once("close", (code, signal) => resolve(signal ?? String(code))),
  );
  let index = 0;
  for await (const answer of createInterface({ input: child.stdout })) {
    const file = files[index];
    index += 1;
    trial.saw(`database: ${answer}`);
    if (!["opened", "STATE_DAMAGED"].includes(answer)) trial.blame(`a damaged database: ${answer}`);
    if (answer !== "opened" && file !== undefined && !readFileSync(file.path).equals(file.bytes))
      trial.blame("a database that was refused was changed");
  }
  const end = await ended;
  if (end !== "0" || index !== count)
    trial.blame(`opening damaged databases ended with ${end} after ${index} of ${count}: ${stderr}`);
}

/** Every file of a home at once, through the command line. */
async function damageHome(trial: Trial): Promise<void> {
  using stranger = new Stranger();
  const subject = new Subject();
  const instance = randomUUID();
  subject.rig.write("data/instance-id", `${instance}\n`);
  for (const file of ["daemon.pid", "workflow-runner.pid", "agent-runner.pid"]) {
    const record = stranger.record({ instance, bootId: BOOT_ID, startTime: stranger.startTime + 1 });
    subject.rig.write(`data/${file}`, mutate(Buffer.from(record), trial.dice));
  }
  subject.rig.write("data/agent-runner-container.id", mutate(Buffer.from("a".repeat(64)), trial.dice));
  const status = await subject.rig.status();
  if (status.exitCode !== 1) trial.blame(`status exited ${status.exitCode}`);
  // A stop needs no configuration.
  if (trial.dice.chance(0.3)) subject.rig.write("config.yaml", "server: { port: 0");
  const stop = await trial.timed("stop", subject.tell(["server", "stop"]));
  if (stop.exitCode !== 0) trial.blame(`stop exited ${stop.exitCode}: ${stop.text}`);
  trial.blame(await subject.dispose());
  if (!stranger.isAlive) trial.blame("the stranger was ended");
  trial.saw("whole homes through stop");
}

async function makeDatabase(directory: string): Promise<Buffer> {
  const { openStore } = await import("../../../src/store/open.ts");
  const path = join(directory, "good.db");
  const store = await openStore(path);
  for (let count = 0; count < 20; count += 1) {
    const definition = { name: `agent-${count}`, note: "x".repeat(500) };
    store.definitions.apply(
      { kind: "Agent", name: definition.name, definition, file: "a.yaml" },
      new Date(0).toISOString(),
    );
  }
  await store.close();
  return readFileSync(path);
}
