import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { packageRoot } from "../../src/platform/package.ts";
import type { StackStatus } from "../../src/stack/component.ts";
import { freePort } from "../support/free-port.ts";
import { docker, processesOf, StackRig } from "../support/stack-rig.ts";

const execFileAsync = promisify(execFile);

/** Without a container where the test is not about Docker: a start then takes half the time. */
function rigWith({ port = 0, enabled = true, runtime = "process" } = {}): StackRig {
  return new StackRig({
    config: [
      "server: { port: 0 }",
      `agent_runner: { runtime: ${runtime} }`,
      `docker_runner: { enabled: ${enabled}, port: ${port} }`,
      "",
    ].join("\n"),
  });
}

async function started(rig: StackRig): Promise<void> {
  const { exitCode, stderr } = await rig.run(["server", "start"]);
  expect(exitCode, stderr).toBe(0);
}

function dockerRunnerOf({ components }: StackStatus) {
  const found = components.find(({ name }) => name === "docker-runner");
  return found?.runtime === "process" ? found : undefined;
}

async function healthOf(rig: StackRig): Promise<number> {
  const endpoint = dockerRunnerOf(await rig.status())?.endpoint;
  return (await fetch(`${endpoint}/v1/health`)).status;
}

function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}

test("docker-runner is no part of the stack until it is enabled", async () => {
  const rig = rigWith({ enabled: false });
  await started(rig);
  expect(dockerRunnerOf(await rig.status())).toBeUndefined();
  expect([rig.has("data", "docker-runner.pid"), rig.has("run", "docker-runner.secret")]).toEqual([false, false]);
  expect((await rig.run(["config", "set", "docker_runner.enabled", "true"])).exitCode).toBe(0);
  const again = await rig.run(["server", "start"]);
  expect([again.exitCode, again.stderr]).toEqual([0, expect.stringContaining("stigmer server restart")]);
  expect((await rig.run(["server", "restart"])).exitCode).toBe(0);
  expect(dockerRunnerOf(await rig.status())).toMatchObject({ state: "ready" });
  expect(await rig.dispose()).toEqual([]);
});

test("enabled, it is planned, supervised and ready, and it answers on its port", async () => {
  const rig = rigWith({ runtime: "docker", port: await freePort() });
  const plan = await rig.json<{ plan: string[] }>(["server", "start", "--dry-run"]);
  expect(plan.envelope.data.plan).toContain("docker-runner: start a process");
  expect(rig.has("run")).toBe(false);
  const start = await rig.run(["server", "start"]);
  expect([start.exitCode, start.stderr]).toEqual([0, expect.stringMatching(/docker-runner +ready in/)]);
  const status = dockerRunnerOf(await rig.status());
  expect(status).toMatchObject({ state: "ready", pid: rig.pid("docker-runner"), restarts: 0 });
  expect(await healthOf(rig)).toBe(200);
  const logs = await rig.run(["server", "logs", "-c", "docker-runner", "-n", "all"]);
  expect([logs.exitCode, logs.stdout.trim()]).toEqual([0, expect.stringMatching(/listen/i)]);
  const doctor = await rig.json<{ checks: { name: string; status: string }[] }>(["doctor"]);
  expect(doctor.envelope.data.checks).toContainEqual(
    expect.objectContaining({ name: "docker-runner", status: "pass" }),
  );
  expect(await rig.dispose()).toEqual([]);
});

test("its secret is made once, for its user alone, and stands nowhere else", async () => {
  const rig = rigWith();
  await started(rig);
  const secret = rig.read("run", "docker-runner.secret").trim();
  expect(secret.length).toBeGreaterThanOrEqual(32);
  for (const file of ["docker-runner.secret", "docker-runner.policy.json"])
    expect(modeOf(rig.path("run", file))).toBe(0o600);
  const status = await rig.run(["server", "status", "--json"]);
  const logs = await rig.run(["server", "logs", "-n", "all"]);
  const bundle = rig.path("bundle.json");
  expect((await rig.run(["doctor", "--bundle", bundle])).exitCode).toBe(0);
  const told = {
    commandLines: processesOf(rig.instance()).map(({ command }) => command),
    files: ["docker-runner.pid", "daemon.pid"].map((file) => rig.read("data", file)),
    bundle: readFileSync(bundle, "utf8"),
    printed: status.stdout + logs.stdout,
  };
  expect(told.commandLines).toHaveLength(4);
  expect(JSON.stringify(told)).not.toContain(secret);
  expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
  await started(rig);
  expect(rig.read("run", "docker-runner.secret").trim()).toBe(secret);
  expect(await rig.dispose()).toEqual([]);
});

test("killed, it is back on its port after one restart", async () => {
  const rig = rigWith();
  await started(rig);
  const killed = rig.pid("docker-runner");
  const { endpoint } = dockerRunnerOf(await rig.status()) ?? {};
  process.kill(killed, "SIGKILL");
  const status = await rig.until((now) => {
    const found = dockerRunnerOf(now);
    return found?.state === "ready" && found.restarts === 1;
  }, "docker-runner to be ready again");
  expect(dockerRunnerOf(status)).toMatchObject({ endpoint, lastExit: { reason: "killed by SIGKILL" } });
  expect(rig.pid("docker-runner")).not.toBe(killed);
  expect(await healthOf(rig)).toBe(200);
  expect(await rig.dispose()).toEqual([]);
});

test("one that hangs is told as unhealthy, and as ready when it answers again", async () => {
  const rig = rigWith();
  await started(rig);
  const hung = rig.pid("docker-runner");
  process.kill(hung, "SIGSTOP");
  const stateIs = (state: string) => (now: StackStatus) => dockerRunnerOf(now)?.state === state;
  const status = await rig.until(stateIs("unhealthy"), "docker-runner to be missed", 90_000);
  expect(dockerRunnerOf(status)?.message).toContain("does not answer");
  process.kill(hung, "SIGCONT");
  await rig.until(stateIs("ready"), "docker-runner to be ready again");
  expect(await rig.dispose()).toEqual([]);
});

test("after a SIGKILL of the server a start adopts it where it listens", async () => {
  const rig = rigWith();
  await started(rig);
  const before = { pid: rig.pid("docker-runner"), endpoint: dockerRunnerOf(await rig.status())?.endpoint };
  process.kill(rig.pid("daemon"), "SIGKILL");
  expect(dockerRunnerOf(await rig.status())).toMatchObject({ state: "unhealthy", pid: before.pid });
  await started(rig);
  expect(dockerRunnerOf(await rig.status())).toMatchObject({ state: "ready", ...before });
  process.kill(before.pid, "SIGKILL");
  await rig.until((now) => {
    const found = dockerRunnerOf(now);
    return found?.state === "ready" && found.pid !== before.pid;
  }, "the adopted docker-runner to be started again");
  expect(await rig.dispose()).toEqual([]);
});

test("it is stopped and restarted alone, and a stop of all leaves only its secret", async () => {
  const rig = rigWith();
  await started(rig);
  const others = [rig.pid("workflow-runner"), rig.pid("agent-runner")];
  const first = rig.pid("docker-runner");
  expect((await rig.run(["server", "restart", "--component", "docker-runner"])).exitCode).toBe(0);
  expect(rig.pid("docker-runner")).not.toBe(first);
  expect((await rig.run(["server", "stop", "--component", "docker-runner"])).exitCode).toBe(0);
  expect(rig.has("data", "docker-runner.pid")).toBe(false);
  expect(await rig.status()).toMatchObject({ exitCode: 1, state: "degraded" });
  await started(rig);
  expect(await healthOf(rig)).toBe(200);
  expect([rig.pid("workflow-runner"), rig.pid("agent-runner")]).toEqual(others);
  const stop = await rig.json<{ stopped: string[] }>(["server", "stop"]);
  expect(stop.envelope.data.stopped).toContain("docker-runner");
  expect(await rig.leaks()).toEqual([]);
  expect(rig.has("run", "docker-runner.secret")).toBe(true);
  expect(await rig.dispose()).toEqual([]);
});

test("one that is not enabled any more is ended by the next start, and its stale PID file by a stop", async () => {
  const rig = rigWith();
  await started(rig);
  process.kill(rig.pid("daemon"), "SIGKILL");
  expect((await rig.run(["config", "set", "docker_runner.enabled", "false"])).exitCode).toBe(0);
  await started(rig);
  expect(rig.has("data", "docker-runner.pid")).toBe(false);
  expect(processesOf(rig.instance())).toHaveLength(3);
  rig.write("data/docker-runner.pid", "999999\n{}\n");
  expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
  expect(await rig.leaks()).toEqual([]);
  expect(await rig.dispose()).toEqual([]);
});

test("a stranger on its port ends the start with exit 7 and is named", async () => {
  const stranger = createServer().listen(0, "127.0.0.1");
  await once(stranger, "listening");
  const address = stranger.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const rig = rigWith({ port });
  try {
    const { exitCode, envelope } = await rig.json(["server", "start"]);
    expect([exitCode, envelope.error?.code]).toEqual([7, "PORT_IN_USE"]);
    expect(envelope.error?.message).toContain(String(port));
    expect(envelope.error?.detail).toContain(`process ${process.pid}`);
    expect(envelope.error?.actions.map(({ command }) => command)).toContain("stigmer config set docker_runner.port 0");
    expect(await rig.leaks()).toEqual([]);
    const doctor = await rig.json<{ checks: { name: string; status: string; message: string }[] }>(["doctor"]);
    const check = doctor.envelope.data.checks.find(({ name }) => name === "docker-runner");
    expect([doctor.exitCode, check]).toEqual([1, expect.objectContaining({ status: "fail" })]);
  } finally {
    stranger.close();
  }
  await started(rig);
  expect(await rig.dispose()).toEqual([]);
});

test("two homes have a port, a secret and containers of their own", async () => {
  const [one, other] = [rigWith(), rigWith()];
  await Promise.all([started(one), started(other)]);
  const endpoints = [dockerRunnerOf(await one.status())?.endpoint, dockerRunnerOf(await other.status())?.endpoint];
  expect(new Set(endpoints).size).toBe(2);
  expect(one.read("run", "docker-runner.secret")).not.toBe(other.read("run", "docker-runner.secret"));
  const labels = ["--label", "ai.stigmer.managed=true", "--label", `ai.stigmer.runner=${one.instance()}`];
  const id = await docker("create", ...labels, "stigmer-agent-runner:local", "true");
  try {
    await one.until((now) => dockerRunnerOf(now)?.containers === 1, "the container to be counted");
    expect(dockerRunnerOf(await other.status())?.containers).toBe(0);
    expect((await one.run(["server", "status"])).stdout).toContain("holds 1 container");
  } finally {
    await docker("rm", "-f", id);
  }
  await one.until((now) => dockerRunnerOf(now)?.containers === 0, "the removed container to be forgotten");
  expect([await one.dispose(), await other.dispose()]).toEqual([[], []]);
});

test("a program with the secret makes containers through it, which a stop of the stack leaves alone", async () => {
  const rig = rigWith();
  await started(rig);
  const { endpoint } = dockerRunnerOf(await rig.status()) ?? {};
  const program = `
    import { DockerRunnerClient } from "stigmer/docker-runner-client";
    const client = new DockerRunnerClient({ baseUrl: process.env.ENDPOINT, secret: process.env.SECRET });
    const { containerId } = await client.start({
      image: "stigmer-agent-runner:local", entrypoint: "sleep", cmd: ["600"],
      binds: [process.env.WORKSPACE + ":/workspace"], user: process.getuid() + ":" + process.getgid(),
    });
    const { stdout } = await client.exec({ containerId, command: "cat /workspace/note.txt" });
    const denied = await client.start({ image: "busybox" }).catch((error) => error.errorCode);
    console.log(JSON.stringify({ containerId, stdout, denied }));
    client.close();
  `;
  rig.write("data/workspace/note.txt", "from the workspace\n", 0o644);
  const env = {
    ...process.env,
    ENDPOINT: endpoint ?? "",
    SECRET: rig.read("run", "docker-runner.secret").trim(),
    WORKSPACE: rig.path("data", "workspace"),
  };
  const { stdout } = await execFileAsync(process.execPath, ["--input-type=module", "-e", program], {
    env,
    cwd: packageRoot(),
  });
  const told = JSON.parse(stdout) as { containerId: string; stdout: string; denied: string };
  try {
    expect(told).toMatchObject({ stdout: "from the workspace\n", denied: "policy_denied" });
    await rig.until((now) => dockerRunnerOf(now)?.containers === 1, "the container to be counted");
    const labels = await docker("inspect", "-f", "{{json .Config.Labels}}", told.containerId);
    expect(JSON.parse(labels)).toMatchObject({ "ai.stigmer.managed": "true", "ai.stigmer.runner": rig.instance() });
    expect(JSON.parse(labels)).not.toHaveProperty("ai.stigmer.instance");
    expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
    expect(await docker("inspect", "-f", "{{.State.Running}}", told.containerId)).toBe("true");
  } finally {
    await docker("rm", "-f", told.containerId);
  }
  expect(await rig.dispose()).toEqual([]);
});

test("its log is told with the times and the levels of its lines", async () => {
  const rig = rigWith();
  await started(rig);
  const logs = await rig.run(["server", "logs", "-c", "docker-runner", "-n", "all", "--json"]);
  const records = logs.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, string>);
  expect(records[0]).toMatchObject({ component: "docker-runner", line: "docker-runner started" });
  const listening = records.find(({ line }) => /listening on/.test(line ?? ""));
  expect(listening).toMatchObject({ level: "info", stream: "stdout" });
  expect(JSON.parse(listening?.["line"] ?? "null")).toMatchObject({ time: listening?.["time"] });
  expect(await rig.dispose()).toEqual([]);
});

test("without Docker it runs all the same, holds nobody knows what, and the start says so", async () => {
  const rig = rigWith();
  const start = await rig.run(["server", "start"], { env: { DOCKER_HOST: `unix://${rig.path("no.sock")}` } });
  expect([start.exitCode, start.stderr]).toEqual([0, expect.stringContaining("until Docker answers")]);
  expect(dockerRunnerOf(await rig.status())).toMatchObject({ state: "ready", containers: null });
  expect(await healthOf(rig)).toBe(200);
  expect(await rig.dispose()).toEqual([]);
});
