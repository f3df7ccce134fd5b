import { statSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StackStatus } from "../../src/stack/component.ts";
import { docker, StackRig } from "../support/stack-rig.ts";

describe("a stack that was started once", () => {
  const rig = new StackRig();
  let start: Awaited<ReturnType<StackRig["run"]>>;

  beforeAll(async () => {
    start = await rig.run(["server", "start"]);
  });

  afterAll(async () => {
    expect(await rig.dispose()).toEqual([]);
  });

  test("start exits 0 with a line per component and its time", () => {
    expect(start.exitCode, start.stderr).toBe(0);
    for (const name of ["stigmer-server", "workflow-runner", "agent-runner"]) {
      expect(start.stderr).toMatch(new RegExp(`${name}\\s+ready in \\d+ ms`));
    }
  });

  test("status reports every component ready in the promised shape", async () => {
    const { envelope, exitCode } = await rig.json<StackStatus>(["server", "status"]);
    expect(exitCode).toBe(0);
    expect(envelope).toMatchObject({ schemaVersion: 1, command: "server status", status: "ok", error: null });
    const { components, ...stack } = envelope.data;
    expect(stack).toMatchObject({ state: "ready", home: rig.home, instance: rig.instance(), version: "0.1.0" });
    const common = { state: "ready", restarts: 0, nextRetryAt: null, lastExit: null, message: null };
    expect(components).toMatchObject([
      { ...common, name: "stigmer-server", runtime: "process", pid: rig.pid("daemon") },
      { ...common, name: "workflow-runner", runtime: "process", pid: rig.pid("workflow-runner") },
      {
        ...common,
        name: "agent-runner",
        runtime: "container",
        containerId: rig.containerId(),
        containerName: `stigmer-agent-runner-${rig.instance().slice(0, 8)}`,
        image: "stigmer-agent-runner:local",
        imageId: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      },
    ]);
    for (const component of components) expect(Date.parse(component.startedAt ?? "")).toBeGreaterThan(0);
  });

  test("files are as promised, for the owner alone", () => {
    expect(rig.read("data", "agent-runner-container.id")).toMatch(/^[0-9a-f]{64}\n$/);
    const [pid, record] = rig.read("data", "daemon.pid").split("\n");
    expect(Number(pid)).toBeGreaterThan(1);
    expect(JSON.parse(record ?? "")).toMatchObject({
      startTime: expect.anything(),
      bootId: expect.any(String),
      executable: process.execPath,
      instance: rig.instance(),
      version: "0.1.0",
    });
    const files = ["data/daemon.pid", "data/workflow-runner.pid", "data/agent-runner-container.id", "data/instance-id"];
    for (const name of [...files, "data/stigmer.db", "run/token", "run/stigmer.sock", "data/logs/stigmer-server.log"]) {
      expect(`${name} ${(statSync(rig.path(name)).mode & 0o777).toString(8)}`).toBe(`${name} 600`);
    }
    for (const name of ["data", "run", "data/logs", "data/workspace"]) {
      expect(`${name} ${(statSync(rig.path(name)).mode & 0o777).toString(8)}`).toBe(`${name} 700`);
    }
  });

  test("the container carries our labels and is locked down", async () => {
    const [inspected] = JSON.parse(await docker("inspect", rig.containerId()));
    expect(inspected.Config.Labels).toMatchObject({
      "ai.stigmer.managed": "true",
      "ai.stigmer.instance": rig.instance(),
      "ai.stigmer.component": "agent-runner",
      "ai.stigmer.version": "0.1.0",
      "ai.stigmer.spec-hash": expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(inspected.Config.User).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(inspected.HostConfig).toMatchObject({
      CapDrop: ["ALL"],
      SecurityOpt: expect.arrayContaining(["no-new-privileges"]),
      Privileged: false,
      PidsLimit: expect.any(Number),
      Memory: 1024 ** 3,
      RestartPolicy: { Name: "no" },
      LogConfig: { Type: "json-file", Config: { "max-size": expect.any(String), "max-file": expect.any(String) } },
    });
    expect(JSON.stringify(inspected.Mounts)).not.toContain("docker.sock");
    const token = rig.read("run", "token").trim();
    expect(JSON.stringify(inspected)).not.toContain(token);
  });

  test("the API listens on loopback only; health is open and everything else wants the token", async () => {
    const server = await rig.component("stigmer-server");
    const endpoint = "endpoint" in server ? server.endpoint : null;
    expect(endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${endpoint}/health`)).status).toBe(200);
    for (const path of ["/v1/status", "/v1/agents", "/no/such/path", "/health/"]) {
      expect(`${path} ${(await fetch(endpoint + path)).status}`).toBe(`${path} 401`);
    }
    expect((await fetch(`${endpoint}/health`, { method: "POST" })).status).toBe(401);
    const authorization = `Bearer ${rig.read("run", "token").trim()}`;
    expect((await fetch(`${endpoint}/v1/status`, { headers: { authorization } })).status).toBe(200);
    expect((await fetch(`${endpoint}/v1/status`, { headers: { authorization: `${authorization}x` } })).status).toBe(
      401,
    );
  });

  test("a second start exits 0 and changes nothing", async () => {
    const before = await rig.status();
    const again = await rig.run(["server", "start"]);
    expect(again.exitCode).toBe(0);
    const after = await rig.status();
    expect(after.components).toEqual(before.components);
  });

  test("start --dry-run and stop --dry-run print a plan and change nothing", async () => {
    const before = await rig.status();
    const start = await rig.json<{ plan: string[] }>(["server", "start", "--dry-run"]);
    expect(start.envelope.data.plan).toEqual([
      `stigmer-server: keep process ${rig.pid("daemon")}`,
      `workflow-runner: keep process ${rig.pid("workflow-runner")}`,
      `agent-runner: keep container ${rig.containerId().slice(0, 12)}`,
    ]);
    const stop = await rig.json<{ plan: string[] }>(["server", "stop", "--dry-run"]);
    for (const name of ["stigmer-server", "workflow-runner", "agent-runner"]) {
      expect(stop.envelope.data.plan.join("\n")).toContain(name);
    }
    expect((await rig.status()).components).toEqual(before.components);
  });
});

describe("stopping", () => {
  test("leaves no process, container, socket or state file; a second stop exits 0, and status exits 3", async () => {
    const rig = new StackRig();
    expect((await rig.run(["server", "start"])).exitCode).toBe(0);
    const stop = await rig.json<{ stopped: string[]; killed: string[] }>(["server", "stop"]);
    expect(stop.exitCode, stop.stdout).toBe(0);
    expect(stop.envelope.data.stopped.sort()).toEqual(["agent-runner", "stigmer-server", "workflow-runner"]);
    expect(stop.envelope.data.killed).toEqual([]);
    expect(await rig.leaks()).toEqual([]);
    const again = await rig.json(["server", "stop"]);
    expect(again.exitCode).toBe(0);
    expect(again.envelope.data).toEqual({ stopped: [], killed: [] });
    const status = await rig.status();
    expect(status).toMatchObject({ exitCode: 3, state: "stopped" });
    expect(await rig.dispose()).toEqual([]);
  });

  test("one component stays stopped, is not healed, and comes back at the next start; the others keep their PIDs", async () => {
    const rig = new StackRig();
    await rig.run(["server", "start"]);
    const before = await rig.status();
    expect((await rig.run(["server", "stop", "--component", "workflow-runner"])).exitCode).toBe(0);
    const stopped = await rig.status();
    expect(stopped).toMatchObject({ exitCode: 1, state: "degraded" });
    expect(stopped.components[1]).toMatchObject({ name: "workflow-runner", state: "stopped", pid: null });
    expect((await rig.run(["server", "start"])).exitCode).toBe(0);
    const after = await rig.status();
    expect(after.state).toBe("ready");
    expect(after.components[0]).toEqual(before.components[0]);
    expect(after.components[2]).toEqual(before.components[2]);
    expect(await rig.dispose()).toEqual([]);
  });
});

describe("restarting", () => {
  test("the whole stack ends ready with a new server; one component is replaced alone", async () => {
    const rig = new StackRig();
    await rig.run(["server", "start"]);
    const first = await rig.status();
    expect((await rig.run(["server", "restart", "--component", "agent-runner"])).exitCode).toBe(0);
    const second = await rig.status();
    expect(second.state).toBe("ready");
    expect(second.components.slice(0, 2)).toEqual(first.components.slice(0, 2));
    expect(second.components[2]).not.toMatchObject({ containerId: containerIdOf(first) });
    expect((await rig.run(["server", "restart"])).exitCode).toBe(0);
    const third = await rig.status();
    expect(third.state).toBe("ready");
    expect(third.components[0]).not.toMatchObject({ pid: pidOf(second) });
    expect(await rig.dispose()).toEqual([]);
  });
});

test("two homes run side by side, and stopping one leaves the other as it was", async () => {
  const [one, two] = [new StackRig(), new StackRig()];
  const starts = await Promise.all([one.run(["server", "start"]), two.run(["server", "start"])]);
  expect(starts.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  const before = await two.status();
  await one.run(["server", "stop"]);
  expect(await two.status()).toEqual(before);
  expect(await one.dispose()).toEqual([]);
  expect(await two.dispose()).toEqual([]);
});

function containerIdOf(status: StackStatus): string | null {
  const component = status.components.find((candidate) => candidate.runtime === "container");
  return component?.runtime === "container" ? component.containerId : null;
}

function pidOf(status: StackStatus): number | null {
  const [server] = status.components;
  return server?.runtime === "process" ? server.pid : null;
}
