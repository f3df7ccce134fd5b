import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { startPrivateDockerd } from "../support/private-dockerd.ts";
import { docker, StackRig } from "../support/stack-rig.ts";

const START_LIMIT_MS = 5_000;
/** A status has one second; the rest is this machine being busy with other tests. */
const STATUS_LIMIT_MS = 2_500;

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

/** A unix socket of our own making in Docker's place. */
async function fakeDocker(serve: ((socket: Socket) => void) | null): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "stigmer-fake-docker-"));
  const path = join(directory, "docker.sock");
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    serve?.(socket);
  });
  server.listen(path);
  await once(server, "listening");
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return path;
}

async function timed<T>(work: Promise<T>): Promise<{ result: T; ms: number }> {
  const startedMs = performance.now();
  const result = await work;
  return { result, ms: performance.now() - startedMs };
}

describe("a start without a usable engine exits 5 in time, says what to do, and leaves nothing", () => {
  async function refused(socket: string): Promise<{ code: string; text: string }> {
    const rig = new StackRig({ env: { DOCKER_HOST: `unix://${socket}` } });
    const { result, ms } = await timed(rig.json(["server", "start"]));
    expect(result.exitCode, result.stdout).toBe(5);
    expect(ms).toBeLessThan(START_LIMIT_MS + 1_000);
    const status = await timed(rig.json(["server", "status"]));
    expect(status.ms).toBeLessThan(STATUS_LIMIT_MS);
    expect(status.result.exitCode).toBe(3);
    const text = JSON.stringify(result.envelope.error);
    expect(text).toContain("stigmer server start --runtime process");
    expect(await rig.dispose()).toEqual([]);
    return { code: result.envelope.error?.code ?? "", text };
  }

  test("no socket", async () => {
    expect((await refused("/nonexistent/docker.sock")).code).toMatch(/^DOCKER_NOT_(RUNNING|INSTALLED)$/);
  });

  test("a socket file that nobody serves", async () => {
    const directory = mkdtempSync(join(tmpdir(), "stigmer-dead-socket-"));
    cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
    // What a killed daemon leaves: a socket file without a listener.
    const path = join(directory, "docker.sock");
    const holder = createServer().listen(path);
    await once(holder, "listening");
    const { linkSync } = await import("node:fs");
    linkSync(path, `${path}.kept`);
    holder.close();
    await once(holder, "close");
    expect((await refused(`${path}.kept`)).code).toBe("DOCKER_NOT_RUNNING");
  });

  test("a socket that never answers", async () => {
    const socket = await fakeDocker(null);
    const { code, text } = await refused(socket);
    expect(code).toBe("DOCKER_UNRESPONSIVE");
    expect(text).toContain(socket);
  });

  test("a socket that answers garbage", async () => {
    const socket = await fakeDocker((connection) => connection.end("\0\0 this is no HTTP \0\n\n"));
    expect((await refused(socket)).code).toMatch(/^DOCKER_/);
  });
});

test("with a dead server and a mute Docker, status exits 4 at once and keeps the container's record", async () => {
  const rig = new StackRig();
  await rig.run(["server", "start"]);
  const id = rig.containerId();
  process.kill(rig.pid("daemon"), "SIGKILL");
  const socket = await fakeDocker(null);
  const env = { DOCKER_HOST: `unix://${socket}` };
  const { result, ms } = await timed(
    rig.json<{ components: { name: string; state: string }[] }>(["server", "status"], { env }),
  );
  expect(result.exitCode).toBe(4);
  expect(ms).toBeLessThan(STATUS_LIMIT_MS);
  expect(result.envelope).toMatchObject({ status: "ok", error: null });
  expect(result.envelope.data.components.find(({ name }) => name === "agent-runner")?.state).toBe("unknown");
  const stop = await rig.json(["server", "stop"], { env });
  expect(stop.exitCode, stop.stdout).toBe(5);
  expect(rig.containerId()).toBe(id);
  expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
  expect(await rig.dispose()).toEqual([]);
});

test("--runtime process starts a ready stack where no Docker answers", async () => {
  const rig = new StackRig({ env: { DOCKER_HOST: "unix:///nonexistent/docker.sock" } });
  const start = await rig.run(["server", "start", "--runtime", "process"]);
  expect(start.exitCode, start.stderr).toBe(0);
  const { components, state } = await rig.status();
  expect(state).toBe("ready");
  expect(components[2]).toMatchObject({ name: "agent-runner", runtime: "process", pid: rig.pid("agent-runner") });
  expect(rig.has("data", "agent-runner-container.id")).toBe(false);
  expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
  expect(await rig.dispose()).toEqual([]);
});

test("when Docker goes away the stack is degraded and alive, and ready again by itself when Docker is back", async () => {
  const daemon = await startPrivateDockerd();
  const rig = new StackRig({ env: { DOCKER_HOST: daemon.host } });
  try {
    await copyImage(daemon.host);
    const start = await rig.run(["server", "start"]);
    expect(start.exitCode, start.stderr).toBe(0);
    const server = rig.pid("daemon");
    await daemon.kill();
    const degraded = await rig.until(({ state }) => state === "degraded", "the stack to be degraded");
    expect(degraded.components[0]).toMatchObject({ state: "ready", pid: server });
    expect((await rig.status()).exitCode).toBe(1);
    await daemon.restart();
    const ready = await rig.until(({ state }) => state === "ready", "the stack to be ready again", 60_000);
    expect(ready.components[0]).toMatchObject({ pid: server });
    expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
    expect(await rig.dispose()).toEqual([]);
  } finally {
    await daemon.stop();
  }
});

/** The image of the machine's engine, for an engine of the test's own. */
async function copyImage(host: string): Promise<void> {
  const file = join(mkdtempSync(join(tmpdir(), "stigmer-image-")), "image.tar");
  cleanups.push(() => rmSync(join(file, ".."), { recursive: true, force: true }));
  await docker("save", "-o", file, "stigmer-agent-runner:local");
  await docker("-H", host, "load", "-i", file);
}
