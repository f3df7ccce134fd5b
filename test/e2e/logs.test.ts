import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LogItem } from "../../src/logs/record.ts";
import { faultsOf } from "../support/envelope.ts";
import { imageFrom } from "../support/runner-image.ts";
import { RunningCommand } from "../support/running-command.ts";
import { docker, StackRig } from "../support/stack-rig.ts";

/** More lines than a default shows; a pipe within the container keeps them in order. */
const LINES = 120;
const CHATTY = `ENTRYPOINT ["sh", "-c", "i=1; while [ $i -le ${LINES} ]; do echo chatter $i; i=$((i+1)); done; exec tini -- node /opt/stigmer/main.js"]`;

describe("the logs of a running stack", () => {
  let image: Awaited<ReturnType<typeof imageFrom>>;
  let rig: StackRig;

  beforeAll(async () => {
    image = await imageFrom("chatty", CHATTY);
    rig = new StackRig({ config: `server: { port: 0 }\nagent_runner: { image: "${image.tag}" }\n` });
    const { exitCode, stderr } = await rig.run(["server", "start"]);
    expect(exitCode, stderr).toBe(0);
  });

  afterAll(async () => {
    expect(await rig.dispose()).toEqual([]);
    await image[Symbol.asyncDispose]();
  });

  /** What `server logs` with these arguments prints, by lines. */
  async function logs(...args: string[]): Promise<string[]> {
    const { exitCode, stdout, stderr } = await rig.run(["server", "logs", ...args]);
    expect([exitCode, stderr]).toEqual([0, ""]);
    return stdout === "" ? [] : stdout.trimEnd().split("\n");
  }

  async function records(...args: string[]): Promise<LogItem[]> {
    return (await logs(...args, "--json")).map((line) => JSON.parse(line));
  }

  test("those of the container are its docker logs: the last 50 lines, the last N, or all, in order", async () => {
    const whole = await dockerLogs(rig.containerId());
    expect(whole.length).toBeGreaterThan(LINES);
    expect(await logs("-c", "agent-runner", "-n", "all")).toEqual(whole);
    expect(await logs("-c", "agent-runner")).toEqual(whole.slice(-50));
    expect(await logs("-c", "agent-runner", "-n", "7")).toEqual(whole.slice(-7));
    expect(await logs("-c", "agent-runner", "--tail", "0")).toEqual([]);
  });

  test("by default the last 50 lines of all components are merged by time, each with its component", async () => {
    const lines = await logs();
    expect(lines).toHaveLength(50);
    expect(lines.filter((line) => !/^(stigmer-server|workflow-runner|agent-runner) *\| /.test(line))).toEqual([]);
    expect(lines).toEqual((await logs("-n", "all")).slice(-50));
    const two = await logs("-c", "stigmer-server", "-c", "workflow-runner", "-n", "all");
    expect(new Set(two.map((line) => line.split(" ")[0]))).toEqual(new Set(["stigmer-server", "workflow-runner"]));
  });

  test("--json prints valid records of all components, ordered by time, with each line as it was written", async () => {
    const all = await records("-n", "all");
    expect(all.flatMap((record) => faultsOf("log-record.json", record))).toEqual([]);
    expect(new Set(all.map(({ component }) => component))).toEqual(
      new Set(["stigmer-server", "workflow-runner", "agent-runner"]),
    );
    const times = all.map(({ time }) => time);
    expect(times).toEqual([...times].sort());
    const chatter = all.flatMap((item) => (item.type === "log" && item.line.startsWith("chatter") ? [item.line] : []));
    expect(chatter).toEqual(Array.from({ length: LINES }, (_, index) => `chatter ${index + 1}`));
  });

  test("--since and --until select by time; --since in the future gives nothing", async () => {
    const all = await records("-n", "all");
    const middle = all[Math.floor(all.length / 2)]?.time ?? "";
    const [since, until] = [
      await records("-n", "all", "--since", middle),
      await records("-n", "all", "--until", middle),
    ];
    expect(since).toEqual(all.filter(({ time }) => time >= middle));
    expect(since.length).toBeLessThan(all.length);
    expect(until).toEqual(all.filter(({ time }) => time <= middle));
    expect(until.length).toBeLessThan(all.length);
    expect(await logs("-n", "all", "--since", new Date(Date.now() + 3_600_000).toISOString())).toEqual([]);
    expect(await records("-n", "all", "--since", "1h")).toEqual(all);
    expect(await logs("-n", "all", "--until", "1h")).toEqual([]);
  });

  test("--grep and --level select by text and level; lines without a level stay", async () => {
    expect(await logs("-c", "agent-runner", "-n", "all", "--grep", "^chatter 11\\d$")).toEqual(
      Array.from({ length: 10 }, (_, index) => `chatter ${110 + index}`),
    );
    const warnings = await records("-n", "all", "--level", "warn");
    expect(warnings.filter((item) => item.type === "log" && item.level === "info")).toEqual([]);
    expect(warnings.filter((item) => item.type === "log" && item.line.startsWith("chatter"))).toHaveLength(LINES);
    const unusable = await rig.run(["server", "logs", "--grep", "["]);
    expect([unusable.exitCode, unusable.stdout]).toEqual([2, ""]);
  });

  test("--timestamps begins each line with its time", async () => {
    for (const line of await logs("-c", "agent-runner", "--timestamps", "-n", "5")) {
      expect(line).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z /);
    }
  });

  test("-f goes on across a restart of the container, with a marker between and nothing lost or doubled", async () => {
    const follow = new RunningCommand(rig.spawn(["server", "logs", "-c", "agent-runner", "-n", "all", "-f", "--json"]));
    const count = (text: string): number => follow.stdout.split(text).length - 1;
    await follow.until("the lines so far", () => count(`chatter ${LINES}"`) === 1);
    process.kill(Number(await docker("inspect", "-f", "{{.State.Pid}}", rig.containerId())), "SIGKILL");
    await follow.until("the lines of the second run", () => count(`chatter ${LINES}"`) === 2);
    await rig.until(({ state }) => state === "ready", "the stack to be ready again");
    const connected = (await dockerLogs(rig.containerId())).length;
    await follow.until("all lines of the second run", () => follow.lines.length > connected);
    expect(await follow.interrupt()).toBe(130);
    const shown = follow.records<LogItem>().map((item) => (item.type === "log" ? item.line : item.marker));
    const [one, two] = [shown.slice(0, shown.indexOf("restarted")), shown.slice(shown.indexOf("restarted") + 1)];
    expect(shown.filter((line) => line === "restarted")).toHaveLength(1);
    expect([...one, ...two].slice(0, connected)).toEqual((await dockerLogs(rig.containerId())).slice(0, connected));
    for (const run of [one, two]) expect(run.filter((line) => /^chatter/.test(line))).toHaveLength(LINES);
  });

  test("those of the processes are there while the stack runs and after it stopped, those of the container too", async () => {
    const running = await records("-n", "all");
    expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
    const stopped = await records("-n", "all");
    for (const component of ["stigmer-server", "workflow-runner", "agent-runner"]) {
      const before = running.flatMap((item) =>
        item.type === "log" && item.component === component ? [item.line] : [],
      );
      const after = stopped.flatMap((item) => (item.type === "log" && item.component === component ? [item.line] : []));
      expect(before.length).toBeGreaterThan(1);
      expect(after.slice(0, before.length)).toEqual(before);
    }
  });
});

test("the logs of a home that never ran are empty, and say why", async () => {
  const rig = new StackRig();
  const { exitCode, stdout, stderr } = await rig.run(["server", "logs"]);
  expect([exitCode, stdout]).toEqual([0, ""]);
  expect(stderr).toContain("stigmer server start");
  expect(await rig.dispose()).toEqual([]);
});

/** What `docker logs` shows, both streams in their order. */
async function dockerLogs(id: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)("sh", ["-c", 'docker logs "$0" 2>&1', id]);
  return stdout.trimEnd().split("\n");
}
