import { readFile, utimes, writeFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { bundleRunner, type RunnerProcess, spawnRunner } from "../../support/agent-runner-process.ts";
import { toolOutputs, toolUser } from "../../support/agent-runner-rig.ts";
import { FakeBackend } from "../../support/fake-backend.ts";
import { isAlive } from "../../support/process-state.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

let bundle: Awaited<ReturnType<typeof temporaryDirectory>>;
let entry: string;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let backend: FakeBackend;
const runners: RunnerProcess[] = [];

beforeAll(async () => {
  bundle = await temporaryDirectory();
  entry = await bundleRunner(bundle.path);
});

afterAll(() => bundle[Symbol.asyncDispose]());

beforeEach(async () => {
  directory = await temporaryDirectory();
  backend = await FakeBackend.start();
  await writeFile(directory.file("token"), `${backend.token}\n`);
});

afterEach(async () => {
  for (const { child, exit } of runners.splice(0)) {
    child.kill("SIGKILL");
    await exit;
  }
  await backend.crash();
  await directory[Symbol.asyncDispose]();
});

function start(env: Record<string, string> = {}): RunnerProcess {
  const runner = spawnRunner(entry, { ...environment(), ...env });
  runners.push(runner);
  return runner;
}

function environment(): Record<string, string> {
  return {
    MODE: "local",
    STIGMER_BACKEND_URL: backend.url,
    STIGMER_BACKEND_TOKEN_FILE: directory.file("token"),
    TASK_QUEUE: "agent_execution_runner",
    WORKSPACE_ROOT: directory.file("workspace"),
    TMPDIR: directory.path,
    PATH: process.env["PATH"] ?? "",
  };
}

async function healthcheck() {
  const check = spawnRunner(entry, { TMPDIR: directory.path, PATH: "" }, ["healthcheck"]);
  const { code } = await check.exit;
  return { code, output: check.output() };
}

describe("a runner process", () => {
  test.each(["agent_execution_runner", "workflow_execution_runner"])(
    "polls %s and writes plain lines",
    async (queue) => {
      const runner = start({ TASK_QUEUE: queue });
      await backend.until("the first poll", () => backend.polls.length > 0);
      await expect
        .poll(runner.output, { timeout: 15_000 })
        .toMatch(new RegExp(`^INFO stigmer runner .*\nINFO connected\nINFO polling ${queue}\n$`));
      expect(backend.hellos[0]).toMatchObject({ queue, pid: runner.child.pid, runnerId: null });
      expect(backend.hellos[0]?.workspace === null).toBe(queue === "workflow_execution_runner");
    },
  );

  test("waits for a server that is not there yet", async () => {
    await backend.crash();
    const runner = start();
    await expect.poll(runner.output, { timeout: 15_000 }).toContain("WARN no connection yet: ");
    await backend.listen();
    await backend.until("the first poll", () => backend.polls.length > 0);
    expect(runner.child.exitCode).toBeNull();
  });

  test("names every variable that is missing or wrong, and exits 78", async () => {
    const runner = start({ TASK_QUEUE: "other", WORKSPACE_ROOT: "relative", STIGMER_BACKEND_URL: "" });
    expect(await runner.exit).toEqual({ code: 78, signal: null });
    for (const name of ["TASK_QUEUE", "WORKSPACE_ROOT", "STIGMER_BACKEND_URL"]) expect(runner.output()).toContain(name);
    expect(runner.output()).not.toContain("MODE");
  });

  test("names the token's variable when its file cannot be read, and exits 78", async () => {
    const runner = start({ STIGMER_BACKEND_TOKEN_FILE: directory.file("no-token") });
    expect(await runner.exit).toEqual({ code: 78, signal: null });
    expect(runner.output()).toContain("ERROR STIGMER_BACKEND_TOKEN_FILE cannot be read: ENOENT");
  });

  test.each<NodeJS.Signals>(["SIGTERM", "SIGINT"])("on %s says bye and exits 0", async (signal) => {
    const runner = start();
    await backend.until("the first poll", () => backend.polls.length > 0);
    runner.child.kill(signal);
    expect(await runner.exit).toEqual({ code: 0, signal: null });
    expect(backend.byes).toEqual(["session-1"]);
  });

  test("on SIGTERM exits 0 though no server hears it", async () => {
    const runner = start();
    await backend.until("the first poll", () => backend.polls.length > 0);
    await backend.crash();
    runner.child.kill("SIGTERM");
    expect(await runner.exit).toEqual({ code: 0, signal: null });
  });

  test("writes itself to the log file that its supervisor names", async () => {
    const runner = start({ STIGMER_LOG_FILE: directory.file("agent-runner.log") });
    await backend.until("the first poll", () => backend.polls.length > 0);
    await expect
      .poll(() => readFile(directory.file("agent-runner.log"), "utf8"), { timeout: 15_000 })
      .toMatch(/Z o I polling agent_execution_runner\n$/);
    expect(runner.output()).toBe("");
  });

  test("whose workspace cannot be written says so to the server", async () => {
    await writeFile(directory.file("workspace"), "a file");
    start();
    await backend.until("the hello", () => backend.hellos.length > 0);
    expect(backend.hellos[0]?.workspace).toMatchObject({
      writable: false,
      reason: expect.stringMatching(/EEXIST|ENOTDIR/),
    });
  });

  test("that is killed in a tool leaves no command behind, and the next runner does not run it again", async () => {
    const away = "setsid sh -c 'echo $$ > away; exec sleep 1000' & until [ -s away ]; do sleep 0.01; done";
    const second = `echo ran >> runs; trap '' TERM; ${away}; sleep 1000 & echo $! > pid; wait`;
    const calls = ["echo ran >> runs", second, "cat runs"];
    const definition = toolUser(calls.map((command) => ({ tool: "shell", arguments: { command } })));
    const runner = start();
    const id = backend.enqueue({ definition });
    await backend.until("the second command", () => {
      return backend.events(id).filter(({ type }) => type === "tool.started").length === 2;
    });
    const pidFile = directory.file("workspace/pid");
    await expect.poll(() => readFile(pidFile, "utf8").catch(() => ""), { timeout: 15_000 }).toMatch(/^\d+\n$/);
    const pid = (await readFile(pidFile, "utf8")).trim();
    const awayPid = (await readFile(directory.file("workspace/away"), "utf8")).trim();
    expect([pid, awayPid].map(isAlive)).toEqual([true, true]);
    runner.child.kill("SIGKILL");
    await runner.exit;
    await expect.poll(() => [pid, awayPid].map(isAlive), { timeout: 15_000 }).toEqual([false, false]);
    start();
    backend.enqueueAgain(id, { definition });
    expect(await backend.outcome(id)).toMatchObject({ phase: "succeeded", output: "done" });
    expect(toolOutputs(backend.events(id)).map(({ output }) => output)).toEqual([
      "exit code: 0",
      expect.stringContaining("interrupted"),
      "exit code: 0\nstdout:\nran\nran",
    ]);
  });

  test("keeps an idle memory far below 100 MB", async () => {
    const runner = start();
    await backend.until("the first poll", () => backend.polls.length > 0);
    const status = await readFile(`/proc/${runner.child.pid}/status`, "utf8");
    expect(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024).toBeLessThan(90);
  });
});

describe("the health check", () => {
  test("passes while the runner polls, and fails before and long after", async () => {
    expect(await healthcheck()).toEqual({ code: 1, output: expect.stringMatching(/^not polling: .*\n$/) });
    start();
    await backend.until("the first poll", () => backend.polls.length > 0);
    expect(await healthcheck()).toEqual({ code: 0, output: "" });
    const longAgo = Date.now() / 1000 - 61;
    const polls = backend.polls.length;
    await utimes(directory.file("stigmer-runner.polling"), longAgo, longAgo);
    await backend.until("another poll", () => backend.polls.length > polls);
    expect(await healthcheck()).toEqual({ code: 0, output: "" });
    for (const { child, exit } of runners.splice(0)) {
      child.kill("SIGKILL");
      await exit;
    }
    await utimes(directory.file("stigmer-runner.polling"), longAgo, longAgo);
    expect(await healthcheck()).toEqual({
      code: 1,
      output: expect.stringMatching(/^not polling: the last poll was 6\d s ago\n$/),
    });
  });
});
