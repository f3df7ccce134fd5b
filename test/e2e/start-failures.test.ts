import { mkdirSync, rmSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { imageFrom } from "../support/runner-image.ts";
import { RunningCommand } from "../support/running-command.ts";
import { type SlowDocker, serveSlowDocker } from "../support/slow-docker.ts";
import { docker, StackRig } from "../support/stack-rig.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

/** Runs the same start twice: a failure must leave the home as good as new. */
const TIMES = 2;

function rigWithImage(tag: string): StackRig {
  return new StackRig({ config: `server: { port: 0 }\nagent_runner: { image: "${tag}" }\n` });
}

test("a component that never polls ends the start with exit 8, what was awaited and for how long, and is rolled back", async () => {
  await using image = await imageFrom("mute", 'ENTRYPOINT ["tini", "--", "sleep", "600"]');
  const rig = rigWithImage(image.tag);
  for (let time = 0; time < TIMES; time += 1) {
    const { exitCode, envelope } = await rig.json(["server", "start", "--timeout", "3s"]);
    expect([exitCode, envelope.error?.code]).toEqual([8, "START_TIMEOUT"]);
    expect(envelope.error?.message).toMatch(/agent-runner.* poll.* 3 s/);
    expect(envelope.error?.actions[0]?.command).toContain("stigmer server logs -c agent-runner");
    expect(await rig.leaks()).toEqual([]);
    expect((await rig.status()).exitCode).toBe(3);
  }
  expect(await rig.dispose()).toEqual([]);
});

test("a component that dies at start ends it at once, with its exit code and its last lines", async () => {
  const script = "i=1; while [ $i -le 30 ]; do echo line $i; i=$((i+1)); done; echo cannot go on; exit 3";
  await using image = await imageFrom("dying", `ENTRYPOINT ["sh", "-c", ${JSON.stringify(script)}]`);
  const rig = rigWithImage(image.tag);
  for (let time = 0; time < TIMES; time += 1) {
    const { exitCode, envelope } = await rig.json(["server", "start", "--timeout", "80s"]);
    expect([exitCode, envelope.error?.code]).toEqual([1, "COMPONENT_EXITED"]);
    expect(envelope.error?.message).toMatch(/agent-runner.*exit 3/);
    const shown = envelope.error?.detail ?? "";
    expect(shown).toContain("cannot go on");
    expect(shown).toContain("line 30");
    expect(shown).not.toContain("line 5\n");
    expect(shown.split("\n").filter((line) => /line \d|cannot/.test(line))).toHaveLength(20);
    expect(await rig.leaks()).toEqual([]);
  }
  // What it said is there to be read although its container is gone.
  const logs = await rig.run(["server", "logs", "-c", "agent-runner", "-n", "all"]);
  expect(logs.stdout.split("\n")).toEqual(expect.arrayContaining(["line 1", "line 30", "cannot go on"]));
  expect(await rig.dispose()).toEqual([]);
});

test("a component that is killed at start is told by its signal", async () => {
  await using image = await imageFrom("killed", 'ENTRYPOINT ["tini", "--", "sh", "-c", "kill -9 $$"]');
  const rig = rigWithImage(image.tag);
  const { exitCode, envelope } = await rig.json(["server", "start"]);
  expect([exitCode, envelope.error?.code]).toEqual([1, "COMPONENT_EXITED"]);
  expect(envelope.error?.message).toContain("killed by SIGKILL");
  expect(await rig.dispose()).toEqual([]);
});

describe("a container that Docker is still making when the start ends", () => {
  /** Lets Docker go on once the command has ended, or at the latest after this: it waits for what it has begun. */
  const HELD_MS = 1_000;

  async function startHeld(rig: StackRig, slow: SlowDocker, meanwhile: (start: RunningCommand) => void) {
    const start = new RunningCommand(rig.spawn(["server", "start", "--json"]));
    await slow.asked;
    meanwhile(start);
    const timer = setTimeout(slow.release, HELD_MS);
    const exitCode = await start.ended;
    clearTimeout(timer);
    slow.release();
    await slow.done;
    const left = await docker("ps", "-aq", "--filter", `label=ai.stigmer.instance=${rig.instance()}`);
    return { exitCode, left, stdout: start.stdout };
  }

  test("is gone when another component cannot be started", async () => {
    await using directory = await temporaryDirectory();
    await using slow = await serveSlowDocker(directory.file("docker.sock"));
    const rig = new StackRig({ env: { DOCKER_HOST: `unix://${slow.socketPath}` } });
    mkdirSync(rig.path("data", "logs", "workflow-runner.log"), { recursive: true });
    const { exitCode, left, stdout } = await startHeld(rig, slow, () => {});
    expect([exitCode, left], stdout).toEqual([1, ""]);
    expect(stdout).toContain("workflow-runner.log");
    rmSync(rig.path("data", "logs", "workflow-runner.log"), { recursive: true });
    expect(await rig.dispose()).toEqual([]);
  });

  test("is gone when Ctrl-C ends it", async () => {
    await using directory = await temporaryDirectory();
    await using slow = await serveSlowDocker(directory.file("docker.sock"));
    const rig = new StackRig({ env: { DOCKER_HOST: `unix://${slow.socketPath}` } });
    const { exitCode, left, stdout } = await startHeld(rig, slow, (start) => void start.interrupt());
    expect([exitCode, left], stdout).toEqual([130, ""]);
    expect(await rig.dispose()).toEqual([]);
  });
});

test("a failed start beside what runs rolls back only what it created, and the next one heals only what is missing", async () => {
  const tag = `e2e-changing-${process.pid}:test`;
  await docker("tag", "stigmer-agent-runner:local", tag);
  await using broken = await imageFrom("broken", 'ENTRYPOINT ["sh", "-c", "exit 5"]');
  const rig = rigWithImage(tag);
  try {
    expect((await rig.run(["server", "start"])).exitCode).toBe(0);
    const before = { server: rig.pid("daemon"), runner: rig.pid("workflow-runner") };
    expect((await rig.run(["server", "stop", "--component", "agent-runner"])).exitCode).toBe(0);
    await docker("tag", broken.tag, tag);
    const failed = await rig.json(["server", "start"]);
    expect([failed.exitCode, failed.envelope.error?.code]).toEqual([1, "COMPONENT_EXITED"]);
    expect(failed.envelope.error?.message).toContain("exit 5");
    const status = await rig.status();
    expect(status).toMatchObject({ exitCode: 1, state: "degraded" });
    expect(status.components.map(({ state }) => state)).toEqual(["ready", "ready", expect.not.stringMatching("ready")]);
    expect(await docker("ps", "-aq", "--filter", `label=ai.stigmer.instance=${rig.instance()}`)).toBe("");
    await docker("tag", "stigmer-agent-runner:local", tag);
    expect((await rig.run(["server", "start"])).exitCode).toBe(0);
    expect((await rig.status()).state).toBe("ready");
    expect({ server: rig.pid("daemon"), runner: rig.pid("workflow-runner") }).toEqual(before);
    expect(await rig.dispose()).toEqual([]);
  } finally {
    await docker("rmi", "-f", tag);
  }
});
