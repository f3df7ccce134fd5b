import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canRunPrivateDockerd, type PrivateDockerd, startPrivateDockerd } from "../../support/private-dockerd.ts";
import { docker } from "../../support/stack-rig.ts";
import type { Bench, Trial } from "../bench.ts";
import { findVictim, pause, sendKill } from "../killing.ts";
import type { Row } from "../row.ts";
import { Subject } from "../subject.ts";

/** What may pass until a command has to have answered; start-up of the command and a busy machine come on top. */
const DEADLINES_MS: Record<string, number> = {
  start: 5_000,
  status: 1_000,
  stop: 5_000,
  logs: 5_000,
  image: 5_000,
  doctor: 10_000,
};
const SLACK_MS = 2_500;

const COMMANDS: Record<string, string[]> = {
  start: ["server", "start"],
  status: ["server", "status"],
  stop: ["server", "stop"],
  logs: ["server", "logs", "-c", "agent-runner"],
  image: ["image", "status"],
  doctor: ["doctor"],
};

/** How a socket in Docker's place behaves; null serves nobody. */
const KINDS: Record<string, ((socket: Socket) => void) | null> = {
  missing: null,
  closing: (socket) => void socket.destroy(),
  failing: (socket) => void socket.end("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 2\r\n\r\n{}"),
  "no JSON": (socket) => void socket.end("HTTP/1.1 200 OK\r\napi-version: 1.41\r\ncontent-length: 9\r\n\r\nnot JSON!"),
  garbage: (socket) => void socket.end("\0\0 this is no HTTP \0\n\n"),
  mute: () => {},
  "half an answer": (socket) =>
    void socket.write("HTTP/1.1 200 OK\r\napi-version: 1.41\r\ncontent-length: 900\r\n\r\n{"),
};

export const brokenSocket: Row = {
  name: "docker-socket",
  fault:
    "a Docker socket that is missing, mute, closing, failing, answers garbage or half an answer; with and without a stack whose server died",
  holds:
    "every command ends within its deadline with a DOCKER_ error, or does without Docker; with Docker back, the same container is adopted",
  runs: { small: 3, full: 84 },
  run: (bench) =>
    bench.repeat("a broken socket", (trial) => {
      const kinds = Object.keys(KINDS);
      const kind = kinds[trial.seed % kinds.length] ?? "mute";
      return trial.dice.chance(0.3) ? withDeadServer(trial, kind) : withoutStack(trial, kind);
    }),
};

export const restartedDaemon: Row = {
  name: "dockerd",
  fault:
    "dockerd killed and started again under a running stack; while it is gone, sometimes the runner or the server is killed too",
  holds:
    "degraded with a living server, every status within its deadline; then one ready stack by itself, or by the next start",
  runs: { small: 0, full: 10 },
  obstacle: () => (canRunPrivateDockerd() ? null : "no dockerd can be started here"),
  run: killDaemon,
};

async function withoutStack(trial: Trial, kind: string): Promise<void> {
  await using socket = await brokenDocker(kind);
  const subject = new Subject({ env: { DOCKER_HOST: `unix://${socket.path}` } });
  for (const name of ["status", "start", "image", "doctor", "logs", "stop"]) {
    const { exitCode, text } = await inTime(trial, subject, { name, kind });
    if (name === "start" && exitCode !== 5) trial.blame(`start with ${kind} socket exited ${exitCode}: ${text}`);
    if (name === "stop" && exitCode !== 0) trial.blame(`stop with ${kind} socket exited ${exitCode}: ${text}`);
    if (name === "status" && exitCode !== 3) trial.blame(`status with ${kind} socket exited ${exitCode}`);
    if (text.includes('"INTERNAL"')) trial.blame(`${name} with ${kind} socket: ${text}`);
  }
  trial.saw(`${kind}, no stack`);
  if (subject.processes().length > 0) trial.blame("a start without Docker left processes");
  await subject.rig.dispose();
}

async function withDeadServer(trial: Trial, kind: string): Promise<void> {
  await using socket = await brokenDocker(kind);
  const subject = new Subject();
  const first = await subject.tell(["server", "start"]);
  if (first.exitCode !== 0) trial.blame(first.text);
  const id = subject.rig.containerId();
  sendKill((await findVictim(subject, "server")) ?? 0);
  const env = { DOCKER_HOST: `unix://${socket.path}` };
  for (const name of trial.dice.pick([
    ["status", "start"],
    ["status", "logs", "stop"],
    ["start", "stop"],
  ])) {
    const { exitCode, text } = await inTime(trial, subject, { name, kind, env });
    if (name === "status" && exitCode !== 4) trial.blame(`status exited ${exitCode} with ${kind} socket`);
    if (["start", "stop"].includes(name) && exitCode !== 5)
      trial.blame(`${name} with ${kind} socket exited ${exitCode}: ${text}`);
  }
  trial.saw(`${kind}, server dead`);
  if (subject.rig.containerId() !== id) trial.blame("the container's record was lost");
  const start = await subject.tell(["server", "start"]);
  if (start.exitCode !== 0) trial.blame(`with Docker back, start said: ${start.text}`);
  trial.blame(await subject.faultsOfReadyStack());
  if (subject.rig.containerId() !== id) trial.blame("the healthy container was not adopted");
  trial.blame(await subject.dispose());
}

async function inTime(
  trial: Trial,
  subject: Subject,
  { name, kind, env = {} }: { name: string; kind: string; env?: Record<string, string> },
): Promise<{ exitCode: number; text: string }> {
  const startedMs = performance.now();
  const json = name === "logs" ? [] : ["--json"];
  const { exitCode, stdout, stderr } = await trial.timed(
    name,
    subject.rig.run([...(COMMANDS[name] ?? []), ...json], { env }),
  );
  const ms = performance.now() - startedMs;
  if (ms > (DEADLINES_MS[name] ?? 0) + SLACK_MS) trial.blame(`${name} with ${kind} socket took ${Math.round(ms)} ms`);
  return { exitCode, text: stdout + stderr };
}

async function killDaemon(bench: Bench): Promise<void> {
  if (bench.runs === 0) return;
  const daemon = await startPrivateDockerd();
  try {
    await copyImage(daemon.host);
    await bench.repeat("dockerd killed", (trial) => loseDaemon(trial, daemon));
  } finally {
    await daemon.stop();
  }
}

async function loseDaemon(trial: Trial, daemon: PrivateDockerd): Promise<void> {
  const { dice } = trial;
  const subject = new Subject({ env: { DOCKER_HOST: daemon.host } });
  const start = await subject.tell(["server", "start"]);
  if (start.exitCode !== 0) trial.blame(start.text);
  await pause(dice.between(0, 1_000));
  await daemon.kill();
  await subject.rig.until(({ state }) => state === "degraded", "the stack to be degraded");
  const status = await trial.timed("status", subject.rig.status());
  if (status.exitCode !== 1) trial.blame(`status without dockerd exited ${status.exitCode}`);
  const also = dice.pick(["nothing", "runner", "server"] as const);
  if (also !== "nothing") sendKill((await findVictim(subject, also === "runner" ? "runner" : "server")) ?? 0);
  trial.saw(`also killed ${also}`);
  await pause(dice.between(0, 3_000));
  await daemon.restart();
  if (also === "server") {
    const again = await trial.timed("start", subject.tell(["server", "start"]));
    if (again.exitCode !== 0) trial.blame(`the next start said: ${again.text}`);
  } else
    await trial.timed(
      "healed",
      subject.rig.until(({ state }) => state === "ready", "the stack to be ready", 60_000),
    );
  trial.blame(await subject.faultsOfReadyStack());
  trial.blame(await subject.dispose());
}

async function brokenDocker(kind: string): Promise<AsyncDisposable & { path: string }> {
  const directory = mkdtempSync(join(tmpdir(), "stigmer-broken-docker-"));
  const path = join(directory, "docker.sock");
  const serve = KINDS[kind] ?? null;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // The other side went away, as it may.
    serve?.(socket);
  });
  if (serve !== null) {
    server.listen(path);
    await once(server, "listening");
  }
  return {
    path,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The image of the machine's engine, for an engine of the row's own. */
async function copyImage(host: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "stigmer-image-"));
  try {
    await docker("save", "-o", join(directory, "image.tar"), "stigmer-agent-runner:local");
    await docker("-H", host, "load", "-i", join(directory, "image.tar"));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
