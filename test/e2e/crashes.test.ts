import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { docker, processesOf, StackRig } from "../support/stack-rig.ts";

/** Ends a process as a crash would: at once and without a word. */
function crash(pid: number): void {
  process.kill(pid, "SIGKILL");
}

/** The container's init process as the host sees it: `docker kill` would count as a wanted stop. */
async function initPid(rig: StackRig): Promise<number> {
  return Number(await docker("inspect", "-f", "{{.State.Pid}}", rig.containerId()));
}

async function startedRig(): Promise<StackRig> {
  const rig = new StackRig();
  const { exitCode, stderr } = await rig.run(["server", "start"]);
  expect(exitCode, stderr).toBe(0);
  return rig;
}

describe("after a SIGKILL of the server", () => {
  test("status says degraded, start adopts the healthy runner and container, and the stack is ready again", async () => {
    const rig = await startedRig();
    const before = { runner: rig.pid("workflow-runner"), container: rig.containerId(), server: rig.pid("daemon") };
    crash(before.server);
    expect(await rig.status()).toMatchObject({ exitCode: 1, state: "degraded" });
    expect((await rig.run(["server", "start"])).exitCode).toBe(0);
    expect(await rig.status()).toMatchObject({ exitCode: 0, state: "ready" });
    expect(rig.pid("workflow-runner")).toBe(before.runner);
    expect(rig.containerId()).toBe(before.container);
    expect(rig.pid("daemon")).not.toBe(before.server);
    expect(await docker("ps", "-aq", "--filter", `label=ai.stigmer.instance=${rig.instance()}`)).toHaveLength(12);
    expect(processesOf(rig.instance())).toHaveLength(2);
    expect(await rig.dispose()).toEqual([]);
  });

  test("an adopted runner that dies is started again", async () => {
    const rig = await startedRig();
    crash(rig.pid("daemon"));
    await rig.run(["server", "start"]);
    const runner = rig.pid("workflow-runner");
    crash(runner);
    const status = await rig.until(
      ({ components }) => components[1]?.state === "ready" && components[1].restarts === 1,
      "the runner to be ready again",
    );
    expect(status.components[1]).not.toMatchObject({ pid: runner });
    expect(await rig.dispose()).toEqual([]);
  });

  test("stop cleans up every orphan", async () => {
    const rig = await startedRig();
    crash(rig.pid("daemon"));
    // One of them alone is the server's to stop; that it still runs is not kept quiet.
    const one = await rig.json(["server", "stop", "--component", "workflow-runner"]);
    expect(one).toMatchObject({ exitCode: 3, envelope: { error: { code: "NOT_RUNNING" } } });
    const stop = await rig.json<{ stopped: string[] }>(["server", "stop"]);
    expect(stop.exitCode, stop.stdout).toBe(0);
    expect(stop.envelope.data.stopped.sort()).toEqual(["agent-runner", "workflow-runner"]);
    expect(await rig.leaks()).toEqual([]);
    expect(await rig.dispose()).toEqual([]);
  });

  test("stop finds a runner and a container whose files were lost", async () => {
    const rig = await startedRig();
    crash(rig.pid("daemon"));
    for (const file of ["daemon.pid", "workflow-runner.pid", "agent-runner-container.id"]) {
      writeFileSync(rig.path("data", file), "");
    }
    expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
    expect(await rig.leaks()).toEqual([]);
    expect(await rig.dispose()).toEqual([]);
  });
});

describe("healing", () => {
  test("a killed workflow-runner is running again under a new PID", async () => {
    const rig = await startedRig();
    const killed = rig.pid("workflow-runner");
    crash(killed);
    const status = await rig.until(
      ({ components }) => components[1]?.restarts === 1 && components[1].state === "ready",
      "a restart",
    );
    expect(status.components[1]).toMatchObject({
      restarts: 1,
      lastExit: { signal: "SIGKILL", reason: "killed by SIGKILL" },
    });
    expect(rig.pid("workflow-runner")).not.toBe(killed);
    expect(await rig.dispose()).toEqual([]);
  });

  test("a killed container is started again as the same container", async () => {
    const rig = await startedRig();
    const id = rig.containerId();
    crash(await initPid(rig));
    const status = await rig.until(
      ({ components }) => components[2]?.restarts === 1 && components[2].state === "ready",
      "a restart",
    );
    expect(status.components[2]).toMatchObject({ containerId: id, lastExit: { reason: "killed by SIGKILL" } });
    expect(rig.containerId()).toBe(id);
    expect(await rig.dispose()).toEqual([]);
  });

  test("a container removed by hand is created again, counted and explained", async () => {
    const rig = await startedRig();
    const id = rig.containerId();
    await docker("rm", "-f", id);
    const status = await rig.until(
      ({ components }) => components[2]?.restarts === 1 && components[2].state === "ready",
      "a new container",
    );
    expect(status.components[2]).toMatchObject({ lastExit: { reason: "its container was removed" } });
    expect(rig.containerId()).not.toBe(id);
    expect(await rig.dispose()).toEqual([]);
  });
});

describe("strangers", () => {
  test("a PID file that names one never gets it signalled", async () => {
    const rig = await startedRig();
    await rig.run(["server", "stop"]);
    // This very test process is the stranger: alive, and not what the record says.
    const record = {
      startTime: 1,
      bootId: "another boot",
      executable: "x",
      instance: rig.instance(),
      version: "0.1.0",
    };
    const texts = [`${process.pid}\n${JSON.stringify(record)}\n`, `${process.pid}\n`, `${process.pid} garbage\n{`];
    for (const text of texts) {
      for (const file of ["daemon.pid", "workflow-runner.pid"]) writeFileSync(rig.path("data", file), text);
      expect((await rig.status()).exitCode).toBe(1);
      expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
      expect(await rig.leaks()).toEqual([]);
    }
    for (const file of ["daemon.pid", "workflow-runner.pid"]) writeFileSync(rig.path("data", file), texts[0] ?? "");
    expect((await rig.run(["server", "start"])).exitCode).toBe(0);
    expect(await rig.dispose()).toEqual([]);
  });

  test("garbage in every PID and ID file never makes a command crash or hang", async () => {
    const rig = await startedRig();
    await rig.run(["server", "stop"]);
    for (const garbage of ["", "\0\0\0", "-1\n{}", "99999999999999999999\n", "{".repeat(10_000), "1\n2\n3\n"]) {
      for (const file of ["daemon.pid", "workflow-runner.pid", "agent-runner.pid", "agent-runner-container.id"]) {
        writeFileSync(rig.path("data", file), garbage);
      }
      expect([1, 3]).toContain((await rig.status()).exitCode);
      expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
      expect(await rig.leaks()).toEqual([]);
    }
    expect(await rig.dispose()).toEqual([]);
  });

  test("a foreign container with our name makes start exit 7 and is left alone", async () => {
    const rig = new StackRig({ config: "server: { port: 0 }\nagent_runner: { container_name: stigmer-e2e-taken }\n" });
    const id = await docker("create", "--name", "stigmer-e2e-taken", "stigmer-agent-runner:local");
    try {
      const start = await rig.json(["server", "start"]);
      expect(start.exitCode).toBe(7);
      expect(start.envelope.error).toMatchObject({ code: "CONTAINER_NAME_TAKEN" });
      expect(JSON.stringify(start.envelope.error)).toContain("docker rm -f stigmer-e2e-taken");
      expect(await docker("inspect", "-f", "{{.Id}}", "stigmer-e2e-taken")).toBe(id);
      expect(await rig.leaks()).toEqual([]);
    } finally {
      await docker("rm", "-f", id);
    }
    expect(await rig.dispose()).toEqual([]);
  });

  test("a container-ID file that names somebody else's container never gets it touched", async () => {
    const rig = await startedRig();
    await rig.run(["server", "stop"]);
    const id = await docker(
      "run",
      "-d",
      "--network",
      "none",
      "--entrypoint",
      "sleep",
      "stigmer-agent-runner:local",
      "300",
    );
    try {
      writeFileSync(rig.path("data", "agent-runner-container.id"), `${id}\n`);
      expect((await rig.status()).exitCode).toBe(1);
      expect((await rig.run(["server", "start"])).exitCode).toBe(0);
      expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
      expect(await docker("inspect", "-f", "{{.State.Running}}", id)).toBe("true");
    } finally {
      await docker("rm", "-f", id);
    }
    expect(await rig.dispose()).toEqual([]);
  });

  test("a foreign listener on the port makes start exit 7 naming its PID, and lives on", async () => {
    const { createServer } = await import("node:http");
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const rig = new StackRig({ config: `server: { port: ${port} }\n` });
    const start = await rig.json(["server", "start"]);
    expect(start.exitCode).toBe(7);
    expect(start.envelope.error).toMatchObject({ code: "PORT_IN_USE" });
    expect(start.envelope.error?.detail).toContain(String(process.pid));
    expect(server.listening).toBe(true);
    expect(await rig.dispose()).toEqual([]);
    server.close();
  });
});

describe("many commands at once", () => {
  test("20 starts make one server and one container, and each exits 0 or says START_IN_PROGRESS", async () => {
    const rig = new StackRig();
    const starts = await Promise.all(Array.from({ length: 20 }, () => rig.json(["server", "start"])));
    for (const { exitCode, envelope } of starts) {
      if (exitCode !== 0) expect(envelope.error?.code).toBe("START_IN_PROGRESS");
    }
    expect(starts.some(({ exitCode }) => exitCode === 0)).toBe(true);
    expect(processesOf(rig.instance())).toHaveLength(2);
    expect(await docker("ps", "-aq", "--filter", `label=ai.stigmer.instance=${rig.instance()}`)).toHaveLength(12);
    expect(await rig.dispose()).toEqual([]);
  });

  test("starts and stops at the same time end, and one more stop leaves nothing", async () => {
    const rig = new StackRig();
    const commands = Array.from({ length: 8 }, (_, index) => rig.json(["server", index % 2 === 0 ? "start" : "stop"]));
    for (const { exitCode, envelope } of await Promise.all(commands)) {
      if (exitCode !== 0) expect(["START_IN_PROGRESS", "NOT_RUNNING"]).toContain(envelope.error?.code);
    }
    expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
    expect(await rig.leaks()).toEqual([]);
    expect(await rig.dispose()).toEqual([]);
  });
});

describe("interrupting a start", () => {
  test("while its server is launched exits 130 and leaves nothing behind", async () => {
    const rig = new StackRig();
    const child = rig.spawn(["server", "start"]);
    const ended = new Promise((resolve) => child.once("close", resolve));
    const log = join(rig.home, "data", "logs", "stigmer-server.log");
    await expect.poll(() => existsSync(log), { interval: 2, timeout: 10_000 }).toBe(true);
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(await rig.leaks()).toEqual([]);
    expect(await rig.dispose()).toEqual([]);
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s exits %i and leaves nothing behind", async (signal, code) => {
    const rig = new StackRig();
    const child = rig.spawn(["server", "start"]);
    // The first component to report is the server: the containers are then being made.
    await new Promise((resolve) => child.stderr?.once("data", resolve));
    let said = "";
    child.stderr?.on("data", (text: Buffer) => {
      said += text.toString();
    });
    child.kill(signal);
    expect(await new Promise((resolve) => child.once("close", resolve))).toBe(code);
    expect(said).toContain("Taking back what was started; interrupt again to leave it as it is\n");
    expect(await rig.leaks()).toEqual([]);
    expect(await rig.dispose()).toEqual([]);
  });
});
