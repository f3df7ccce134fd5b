import { execFileSync } from "node:child_process";
import { homedir } from "node:os";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectDocker } from "../../../src/docker/connect.ts";
import type { DockerEngine } from "../../../src/docker/engine.ts";
import { type RunnerRig, startRunner } from "../../support/docker-runner-rig.ts";
import { importTinyImage } from "../../support/tiny-image.ts";

const IMAGE = `stigmer-runner-exec-${process.pid}:tiny`;
let engine: DockerEngine;
let rig: RunnerRig;
let containerId: string;

beforeAll(async () => {
  engine = await connectDocker({ env: process.env, homeDir: homedir() });
  await importTinyImage(engine, IMAGE, ['CMD ["/bin/sleep", "600"]']);
  rig = await startRunner({ relaxed: { images: [IMAGE] } });
  containerId = await start();
});

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await engine.removeImage(IMAGE, { force: true });
});

async function start(options: object = {}): Promise<string> {
  const { json } = await rig.caller.post("/v1/containers/start", { image: IMAGE, ...options });
  return String(json["containerId"]);
}

function run(command: string | string[], options: object = {}, container = containerId) {
  return rig.caller.post("/v1/exec/run", { containerId: container, command, options });
}

async function commandLines(): Promise<string> {
  const list = "for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < $f; echo; done 2>/dev/null";
  return String((await run(["/bin/sh", "-c", list])).json["stdout"]);
}

test("a string runs in a shell, an array runs as it is, and standard input is empty", async () => {
  expect((await run("echo $((20 + 22)); cat")).json).toMatchObject({ stdout: "42\n", exitCode: 0 });
  const words = ["/bin/printenv", "--", "$HOME"];
  expect((await run(words)).json).toMatchObject({ stdout: "", exitCode: 1 });
  expect((await run(["/bin/cat"])).json).toMatchObject({ stdout: "", exitCode: 0 });
});

test("exit codes and stderr come back as they are; a missing program is never a success", async () => {
  expect((await run("echo problem >&2; exit 42")).json).toEqual({
    stdout: "",
    stderr: "problem\n",
    exitCode: 42,
    dropped: { stdout: 0, stderr: 0 },
  });
  for (const command of [["/no/such/program"], ["/etc/hostname"], "no-such-program"]) {
    const { json, status } = await run(command);
    expect(status).toBe(200);
    expect([126, 127]).toContain(json["exitCode"]);
  }
});

test("multi-byte characters survive chunk boundaries, on both streams", async () => {
  const text = "aé€😀";
  // Written byte by byte, with pauses of the shell's own making between them.
  const octal = [...Buffer.from(text)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`);
  const command = octal.map((byte) => `printf '${byte}'; printf '${byte}' >&2; /bin/true`).join("; ");
  expect((await run(command)).json).toMatchObject({ stdout: text, stderr: text });
});

test("5 MB of output comes back capped, with its head, its tail and the number of bytes dropped; the exit code is right", async () => {
  const { json } = await run("echo first; head -c 5242880 /dev/zero | tr '\\0' x; echo last; exit 3");
  const stdout = String(json["stdout"]);
  const { stdout: dropped } = json["dropped"] as { stdout: number; stderr: number };
  expect(json["exitCode"]).toBe(3);
  expect(stdout.startsWith("first\n")).toBe(true);
  expect(stdout.endsWith("last\n")).toBe(true);
  const total = "first\n".length + 5_242_880 + "last\n".length;
  expect(Buffer.byteLength(stdout) + dropped).toBe(total);
  expect(dropped).toBe(total - 2 * 512 * 1024);
});

test("timeoutMs ends an exec with 408 exec_timeout, not retryable, and the output so far", async () => {
  const { json, status } = await run("echo before; echo error >&2; sleep 50", { timeoutMs: 1500 });
  expect(status).toBe(408);
  expect(json["error"]).toMatchObject({
    code: "exec_timeout",
    retryable: false,
    details: { stdout: "before\n", stderr: "error\n", dropped: { stdout: 0, stderr: 0 } },
  });
});

test("idleTimeoutMs counts from the last byte on either stream", async () => {
  const ticking = "for i in 1 2 3 4 5 6; do sleep 0.5; echo $i >&2; done";
  expect((await run(ticking, { idleTimeoutMs: 2500 })).json).toMatchObject({ exitCode: 0 });
  const { json, status } = await run("echo once; sleep 50", { idleTimeoutMs: 1500, killOnTimeout: true });
  expect(status).toBe(408);
  expect(json["error"]).toMatchObject({
    code: "exec_idle_timeout",
    retryable: false,
    details: { stdout: "once\n", killed: true },
  });
});

test("0 switches both time limits off; negative values and what is no number are 400", async () => {
  expect((await run("sleep 1; echo ok", { timeoutMs: 0, idleTimeoutMs: 0 })).json).toMatchObject({ stdout: "ok\n" });
  for (const options of [
    { timeoutMs: -1 },
    { idleTimeoutMs: -0.5 },
    { timeoutMs: "1000" },
    { idleTimeoutMs: null },
    { timeoutMs: true },
  ]) {
    expect(await run("true", options)).toMatchObject({ status: 400, json: { error: { code: "validation_error" } } });
  }
});

test("killOnTimeout kills the exec's whole process group, TERM-proof ones too, and neither the container nor another exec", async () => {
  const bystander = run("sleep 6001 & sleep 5; echo bystander");
  const { json, status } = await run(
    "trap '' TERM; sleep 6002 & sh -c 'trap \"\" TERM HUP INT; sleep 6003; sleep 6004' & sleep 6005",
    {
      timeoutMs: 1500,
      killOnTimeout: true,
    },
  );
  expect(status).toBe(408);
  expect(json["error"]).toMatchObject({ code: "exec_timeout", details: { killed: true } });
  const left = await commandLines();
  for (const marker of ["6002", "6003", "6004", "6005"]) expect(left).not.toContain(marker);
  expect(left).toContain("6001");
  expect((await bystander).json).toMatchObject({ stdout: "bystander\n", exitCode: 0 });
});

test("a command that clears its environment is killed all the same", async () => {
  const clear = ["/bin/env", "-i", "/bin/sh", "-c", "/bin/sleep 6031 & exec /bin/sleep 6032"];
  const { json, status } = await run(clear, { timeoutMs: 1500, killOnTimeout: true });
  expect([status, json["error"]]).toMatchObject([408, { details: { killed: true } }]);
  const left = await commandLines();
  for (const marker of ["6031", "6032"]) expect(left).not.toContain(marker);
});

test("without killOnTimeout a command lives on after its timeout", async () => {
  expect((await run("sleep 6011", { timeoutMs: 1000 })).json["error"]).not.toHaveProperty("details.killed");
  expect(await commandLines()).toContain("6011");
});

test("in a container without a shell the answer says that nothing was killed", async () => {
  const bare = `${IMAGE}-bare`;
  const program = execFileSync("sh", ["-c", "readlink -f $(command -v sleep)"], { encoding: "utf8" }).trim();
  const libraries = execFileSync("ldd", [program], { encoding: "utf8" }).match(/\/\S+(?= \(0x)/g) ?? [];
  const files = [program, ...libraries].map((path) => path.slice(1));
  const tar = execFileSync("tar", ["-C", "/", "--dereference", "-cf", "-", ...files], { maxBuffer: 2 ** 26 });
  execFileSync("docker", ["import", "-", bare], { input: tar });
  const shellless = await startRunner({ relaxed: { images: [bare] } });
  try {
    const started = await shellless.caller.post("/v1/containers/start", { image: bare, cmd: [program, "600"] });
    const request = {
      containerId: started.json["containerId"],
      command: [program, "500"],
      options: { timeoutMs: 1000, killOnTimeout: true },
    };
    const { json, status } = await shellless.caller.post("/v1/exec/run", request);
    expect([status, json["error"]]).toMatchObject([408, { details: { killed: false } }]);
    const logged = { ...request, command: [program, "0"], options: { logToPid1: true } };
    expect((await shellless.caller.post("/v1/exec/run", logged)).json).toMatchObject({ loggedToPid1: false });
  } finally {
    await shellless[Symbol.asyncDispose]();
    await engine.removeImage(bare, { force: true });
  }
});

test("when the caller hangs up, its exec is killed and the container lives", async () => {
  const hangUp = new AbortController();
  const call = rig.caller.post(
    "/v1/exec/run",
    { containerId, command: "sleep 6021 & sleep 6021" },
    { signal: hangUp.signal },
  );
  const outcome = expect(call).rejects.toThrow();
  await expect.poll(commandLines, { timeout: 20_000 }).toContain("6021");
  hangUp.abort();
  await outcome;
  await expect.poll(commandLines, { timeout: 20_000 }).not.toContain("6021");
  await rig.service.concurrency.untilIdle();
  expect(await run("true")).toMatchObject({ status: 200 });
  expect(rig.log()).toMatch(/exec\/run".*"gone":true/);
  expect(rig.log()).not.toContain("a fault of this service");
});

test("exec in a stopped container is 409 container_not_running", async () => {
  const stopped = await start({ autoRemove: false });
  await rig.caller.post("/v1/containers/stop", { containerId: stopped, timeoutSec: 0 });
  expect(await run("true", {}, stopped)).toMatchObject({
    status: 409,
    json: { error: { code: "container_not_running", retryable: false } },
  });
});

test("workdir, env and tty reach the exec", async () => {
  const env = { A: "x=y", MULTI: "two\nlines" };
  const command = 'printf "%s|%s|%s" "$PWD" "$A" "$MULTI"; test -t 1 && printf "|terminal"';
  expect((await run(command, { workdir: "/proc", env })).json["stdout"]).toBe("/proc|x=y|two\nlines");
  const terminal = await run(command, { env: ["A=list"], tty: true });
  expect(terminal.json["stdout"]).toBe("/|list||terminal");
});

test("logToPid1 puts the output into the container's log as well as into the answer", async () => {
  const container = await start();
  const { json } = await run("echo for both; echo error too >&2; exit 6", { logToPid1: true }, container);
  expect(json).toMatchObject({ stdout: "for both\n", stderr: "error too\n", exitCode: 6, loggedToPid1: true });
  const log = execFileSync("docker", ["logs", container], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  expect(log).toBe("for both\n");
});

test("30 execs at once each get their own bytes", async () => {
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      run(`head -c 200000 /dev/zero | tr '\\0' ${String.fromCharCode(97 + (index % 26))}`),
    ),
  );
  for (const [index, { json }] of answers.entries()) {
    expect(json["stdout"]).toBe(String.fromCharCode(97 + (index % 26)).repeat(200_000));
  }
});
