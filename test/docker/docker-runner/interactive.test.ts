import { homedir } from "node:os";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectDocker } from "../../../src/docker/connect.ts";
import type { DockerEngine } from "../../../src/docker/engine.ts";
import { drain } from "../../../src/docker-runner/drain.ts";
import type { WebSocketReader } from "../../support/docker-runner-client.ts";
import { type RunnerRig, startRunner } from "../../support/docker-runner-rig.ts";
import { importTinyImage } from "../../support/tiny-image.ts";

const IMAGE = `stigmer-runner-interactive-${process.pid}:tiny`;
let engine: DockerEngine;
let rig: RunnerRig;
let containerId: string;

beforeAll(async () => {
  engine = await connectDocker({ env: process.env, homeDir: homedir() });
  await importTinyImage(engine, IMAGE, ['CMD ["/bin/sleep", "600"]']);
  rig = await startRunner({ relaxed: { images: [IMAGE] } });
  const { json } = await rig.caller.post("/v1/containers/start", { image: IMAGE });
  containerId = String(json["containerId"]);
});

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await engine.removeImage(IMAGE, { force: true });
});

function open(parameters: Record<string, string>): WebSocketReader {
  return rig.caller.webSocket(`/v1/exec/interactive/ws?${new URLSearchParams({ containerId, ...parameters })}`);
}

/** How many processes of the container have a text in their command line. */
async function countProcesses(text: string): Promise<number> {
  const { json } = await rig.caller.post("/v1/exec/run", {
    containerId,
    command: ["/bin/sh", "-c", "for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < $f; echo; done 2>/dev/null"],
  });
  return String(json["stdout"])
    .split("\n")
    .filter((line) => line.includes(text) && !line.includes("/proc/")).length;
}

async function untilNoProcess(text: string): Promise<void> {
  await expect.poll(() => countProcesses(text), { timeout: 20_000 }).toBe(0);
}

test("a command that ends by itself gives ready, its output, then exit with its code, and the socket closes", async () => {
  const socket = open({ command: "echo out; echo err >&2; exit 7" });
  expect(await socket.ended).toEqual({ code: 1000 });
  expect(socket.frames[0]).toEqual({ type: "ready", execId: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(socket.frames.at(-1)).toMatchObject({ type: "exit", exitCode: 7, stdout: "out\n", stderr: "err\n" });
  expect([socket.text("stdout"), socket.text("stderr")]).toEqual(["out\n", "err\n"]);
});

test("stdin reaches the command, eof closes only its input, and all later output still comes", async () => {
  const socket = open({ command: '["/bin/sh", "-c", "cat; echo after; head -c 300000 /dev/zero | tr \'\\\\0\' x"]' });
  await socket.ready();
  socket.stdin("hello ");
  await socket.untilText("hello ");
  socket.stdin("world\n");
  socket.send({ type: "eof" });
  const { exitCode } = await socket.exit();
  expect(exitCode).toBe(0);
  expect(socket.text()).toBe(`hello world\nafter\n${"x".repeat(300_000)}`);
});

test("frames sent before ready are kept", async () => {
  const socket = open({ command: "cat" });
  socket.stdin("early\n");
  socket.send({ type: "eof" });
  expect(await socket.exit()).toMatchObject({ exitCode: 0, stdout: "early\n" });
});

test("with tty the terminal takes its size from resize frames and from POST /exec/resize", async () => {
  const socket = open({ command: "while read line; do stty size; done", tty: "true" });
  socket.send({ type: "resize", cols: 101, rows: 37 });
  const { execId } = await socket.ready();
  socket.stdin("\n");
  await socket.untilText("37 101");
  const resized = await rig.caller.post("/v1/exec/resize", { execId, size: { cols: 55, rows: 22 } });
  expect(resized.status).toBe(204);
  expect(rig.log()).toMatch(new RegExp(`exec/resize",.*"containerId":"${containerId}"`));
  socket.stdin("\n");
  await socket.untilText("22 55");
  socket.send({ type: "eof" });
  await socket.exit();
});

test("Ctrl-C in a tty ends cat with 130", async () => {
  const socket = open({ command: '["cat"]', tty: "true" });
  await socket.ready();
  socket.stdin("x\n");
  await socket.untilText("x\r\nx");
  socket.stdin("\u0003");
  expect(await socket.exit()).toMatchObject({ exitCode: 130 });
});

test("eof on a tty lets the command finish its output", async () => {
  const socket = open({ command: "cat; echo done", tty: "true" });
  await socket.ready();
  socket.stdin("in the middle of a line");
  socket.send({ type: "eof" });
  await socket.exit();
  expect(socket.text()).toContain("done");
});

test("a signal frame reaches the command", async () => {
  const socket = open({ command: "trap 'echo caught; exit 9' USR1; echo set; while :; do sleep 0.1; done" });
  await socket.untilText("set");
  socket.send({ type: "signal", signal: "SIGUSR1" });
  expect(await socket.exit()).toMatchObject({ exitCode: 9 });
  expect(socket.text()).toContain("caught");
});

test("a close frame lets a command end by itself, and is answered by exit", async () => {
  const socket = open({ command: "cat > /dev/null; exit 5" });
  await socket.ready();
  socket.send({ type: "close" });
  expect(await socket.exit()).toMatchObject({ exitCode: 5 });
  expect(await socket.ended).toEqual({ code: 1000 });
});

test("a close frame kills the group of a command that stays, and is answered by exit", async () => {
  const socket = open({ command: "trap '' TERM HUP; sleep 4711 & sleep 4711; echo never" });
  await socket.ready();
  socket.send({ type: "close" });
  expect(await socket.exit()).toMatchObject({ exitCode: 137 });
  expect(await countProcesses("4711")).toBe(0);
});

test("a signal or close frame is heard behind input that the command does not read", async () => {
  const input = { type: "stdin", data: Buffer.alloc(3_000_000, "x").toString("base64") };
  const signalled = open({ command: "sleep 4715" });
  signalled.send(input);
  signalled.send({ type: "signal", signal: "SIGKILL" });
  expect(await signalled.exit()).toMatchObject({ exitCode: 137 });
  const closed = open({ command: "sleep 4715" });
  closed.send(input);
  closed.send({ type: "close" });
  expect(await closed.exit()).toMatchObject({ exitCode: 137 });
  expect(await countProcesses("4715")).toBe(0);
});

test("a ping is answered", async () => {
  const socket = open({ command: "cat" });
  await socket.ready();
  const pong = new Promise((resolve) => socket.socket.once("pong", (data) => resolve(String(data))));
  socket.socket.ping("there?");
  expect(await pong).toBe("there?");
  socket.send({ type: "close" });
  await socket.exit();
});

test("command and env can come in a first start frame instead of the URL", async () => {
  const socket = open({});
  socket.send({ type: "start", command: ["/bin/sh", "-c", "echo $A"], env: { A: "of the frame" } });
  expect(await socket.exit()).toMatchObject({ exitCode: 0, stdout: "of the frame\n" });
});

test("query options work: shell text, workdir, env, and demux=false merges stderr into stdout", async () => {
  const env = JSON.stringify({ WORD: "value with = and \n newline" });
  const socket = open({ command: 'printf "%s|%s" "$PWD" "$WORD" >&2', workdir: "/proc", env, demux: "false" });
  await socket.exit();
  expect(socket.text("stdout")).toBe("/proc|value with = and \n newline");
  expect(socket.text("stderr")).toBe("");
});

test.each([
  ["no container", { containerId: "" }],
  ["an unknown parameter", { command: "true", folow: "true" }],
  ["a boolean of another spelling", { command: "true", tty: "1" }],
  ["an environment that is no JSON", { command: "true", env: "A=b" }],
  ["an empty list", { command: "[]" }],
])("a query with %s closes with 4000", async (_name, parameters) => {
  const socket = open(parameters);
  expect(await socket.ended).toEqual({ code: 4000 });
  expect(socket.frames).toEqual([{ type: "error", error: expect.objectContaining({ code: "validation_error" }) }]);
});

test("an unknown or stopped container gives an error frame and 1011", async () => {
  const unknown = open({ containerId: "no-such-container", command: "true" });
  expect(await unknown.ended).toEqual({ code: 1011 });
  expect(unknown.frames).toEqual([
    { type: "error", error: expect.objectContaining({ code: "container_not_found", retryable: false }) },
  ]);
  const { json } = await rig.caller.post("/v1/containers/start", { image: IMAGE, autoRemove: false, cmd: ["true"] });
  await rig.caller.post("/v1/containers/stop", { containerId: json["containerId"] });
  const stopped = open({ containerId: String(json["containerId"]), command: "true" });
  expect(await stopped.ended).toEqual({ code: 1011 });
  expect(stopped.frames).toEqual([
    { type: "error", error: expect.objectContaining({ code: "container_not_running" }) },
  ]);
});

test("a frame that cannot be read ends the session and its command", async () => {
  const socket = open({ command: "sleep 4712" });
  await socket.ready();
  socket.send({ type: "resize", cols: 0, rows: 5 });
  expect(await socket.ended).toEqual({ code: 1011 });
  expect(socket.frames.at(-1)).toMatchObject({ type: "error", error: { code: "validation_error" } });
  expect(await countProcesses("4712")).toBe(0);
});

test("when the socket vanishes the command is killed and the container lives", async () => {
  const socket = open({ command: "sleep 4713 & sleep 4713" });
  await socket.ready();
  await expect.poll(() => countProcesses("4713"), { timeout: 20_000 }).toBeGreaterThan(0);
  socket.socket.terminate();
  await untilNoProcess("4713");
});

test("a missing program ends with 126 or 127", async () => {
  const socket = open({ command: '["/no/such/program"]' });
  expect([126, 127]).toContain((await socket.exit())["exitCode"]);
});

test("a reader that stops holds neither memory nor other callers up", async () => {
  const socket = open({ command: "head -c 200000000 /dev/zero; echo end" });
  await socket.ready();
  socket.socket.pause();
  const before = process.memoryUsage();
  for (let call = 0; call < 50; call += 1) {
    expect((await rig.caller.get(`/v1/containers/labels?containerId=${containerId}`)).status).toBe(200);
  }
  const after = process.memoryUsage();
  expect(after.rss - before.rss).toBeLessThan(64 * 1024 * 1024);
  socket.socket.terminate();
});

test("the end of the service ends its sessions: an error frame, 1001, and no process is left", async () => {
  const ending = await startRunner({ runnerId: rig.runnerId });
  const query = new URLSearchParams({ containerId, command: "sleep 4714 & sleep 4714" });
  const socket = ending.caller.webSocket(`/v1/exec/interactive/ws?${query}`);
  await socket.ready();
  await drain(ending.app.server, ending.service);
  expect(await socket.ended).toEqual({ code: 1001 });
  expect(socket.frames.at(-1)).toMatchObject({ type: "error", error: { code: "shutting_down", retryable: true } });
  expect(await countProcesses("4714")).toBe(0);
});
