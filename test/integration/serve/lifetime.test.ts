import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { scriptedWorkflow, toolWorkflow } from "../../support/deployed-workflows.ts";
import { DeploymentRig, parseFrames } from "../../support/deployment-rig.ts";
import { isAlive } from "../../support/process-state.ts";

const FOREVER_MS = 600_000;

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let rig: DeploymentRig;

afterEach(() => rig[Symbol.asyncDispose]());

describe("a start", () => {
  test.each([22, 24])(
    "runs a workflow on Node %i, and warns of nothing",
    async (node) => {
      rig = await DeploymentRig.create({ workflow: scriptedWorkflow(), node });
      await rig.start();
      expect((await rig.run({ topic: "x" })).status).toBe(200);
      expect(rig.output).not.toMatch(/warning/i);
    },
    120_000,
  );

  test("on an older Node ends with 1 and names it", async () => {
    rig = await DeploymentRig.create({ workflow: scriptedWorkflow(), node: 20 });
    expect(await rig.spawn()).toBe(1);
    expect(rig.output).toMatch(/needs Node 22\.13.*this is Node 20\./);
  });

  test.each([
    [{ PORT: "0" }, "PORT"],
    [{ MAX_RUNNING: "many" }, "MAX_RUNNING"],
    [{ SYNC_TIMEOUT: "30s" }, "SYNC_TIMEOUT"],
    [{ HOST: "not a host" }, "HOST"],
    [{ API_TOKEN: "no such header" }, "API_TOKEN"],
    [{ API_TOKEN: "é" }, "API_TOKEN"],
    [{ DATA_DIR: "/dev/null/jobs" }, "DATA_DIR"],
    [{ DATA_DIR: "/proc/stigmer/jobs" }, "DATA_DIR"],
    [{ WORKSPACE_ROOT: "/proc/stigmer/workspace" }, "WORKSPACE_ROOT"],
    [{ SECRETS_FILE: "/nowhere/keys" }, "SECRETS_FILE"],
  ])("with %j ends with 1 and names it", async (env, name) => {
    rig = await DeploymentRig.create({ workflow: scriptedWorkflow() });
    expect(await rig.spawn(env)).toBe(1);
    expect(rig.output).toContain(name);
  });

  test("with a workflow that is wrong ends with 1 and says where", async () => {
    rig = await DeploymentRig.create({ workflow: scriptedWorkflow().replace("to: polish", "to: plish") });
    expect(await rig.spawn()).toBe(1);
    expect(rig.output).toMatch(/workflow\.yaml:\d+: .*plish/);
  });

  test("on the jobs of a server that runs ends with 1 and says so", async () => {
    rig = await DeploymentRig.create({ workflow: scriptedWorkflow() });
    await rig.start();
    await using second = await DeploymentRig.create({ workflow: scriptedWorkflow() });
    expect(await second.spawn({ DATA_DIR: join(rig.directory, "data") })).toBe(1);
    expect(second.output).toMatch(/DATA_DIR.*another server/);
  });

  test("on a port that is taken ends with 1 and names it", async () => {
    rig = await DeploymentRig.create({ workflow: scriptedWorkflow() });
    await rig.start();
    await using second = await DeploymentRig.create({ workflow: scriptedWorkflow() });
    expect(await second.spawn({ PORT: new URL(rig.url).port })).toBe(1);
    expect(second.output).toMatch(/PORT \d+.*taken/);
  });
});

test("a server whose log nobody reads any more goes on with its work, and ends when it is told to", async () => {
  rig = await DeploymentRig.create({ workflow: scriptedWorkflow() });
  const [exit] = await rig.start();
  rig.stopReading();
  for (let run = 0; run < 5; run += 1) expect((await rig.run({ topic: "x" })).status).toBe(200);
  rig.signal("SIGTERM");
  expect(await exit).toBe(0);
});

describe("SIGTERM", () => {
  test("lets the running request end, refuses new work with 503, and exits 0", async () => {
    rig = await DeploymentRig.create({ workflow: scriptedWorkflow({ delayMs: 1_500 }) });
    const [exit] = await rig.start();
    const answer = rig.run({ topic: "x" });
    await rig.until("the job", async () => (await rig.get("/jobs")).body.jobs[0]?.status === "running");
    rig.signal("SIGTERM");
    await rig.until("the drain", async () => (await rig.get("/health/ready")).status === 503);
    expect((await rig.run({ topic: "y" })).body.error.code).toBe("shutting_down");
    expect((await rig.get("/health")).status).toBe(200);
    const { status, body } = await answer;
    expect([status, body.outputs.final]).toEqual([200, "said"]);
    expect(await exit).toBe(0);
    expect((await connectTo(rig.url)).refused).toBe(true);
  });

  test("puts down what does not end in time, tells its readers where it goes on, and exits 0", async () => {
    rig = await DeploymentRig.create({ workflow: scriptedWorkflow({ delayMs: FOREVER_MS }) });
    const [exit] = await rig.start({ DRAIN_TIMEOUT: "0.3", MAX_RUNNING: "1", SYNC_TIMEOUT: "600" });
    const running = rig.run({ topic: "running" });
    await rig.until("the job", async () => (await rig.get("/jobs")).body.jobs[0]?.status === "running");
    const waiting = rig.run({ topic: "waiting" });
    await rig.until("the other", async () => (await rig.get("/jobs")).body.jobs.length === 2);
    const stream = await fetch(`${rig.url}/events/${(await rig.get("/jobs")).body.jobs[1].job_id}`);
    rig.signal("SIGTERM");
    expect((await Promise.all([running, waiting])).map(({ status }) => status)).toEqual([202, 202]);
    expect(parseFrames(await stream.text()).at(-1)?.data.type).not.toMatch(/succeeded|failed|cancelled/);
    expect(await exit).toBe(0);
    await rig.start({ MAX_RUNNING: "1" });
    const { jobs } = (await rig.get("/jobs")).body;
    expect(jobs.map(({ status }: { status: string }) => status)).toEqual(["pending", "running"]);
  });

  test("twice ends at once", async () => {
    rig = await DeploymentRig.create({ workflow: scriptedWorkflow({ delayMs: FOREVER_MS }) });
    const [exit] = await rig.start();
    await rig.enqueue({ topic: "x" });
    rig.signal("SIGTERM");
    await rig.until("the drain", async () => (await rig.get("/health/ready")).status === 503);
    // What comes within a tenth of a second is an echo of the first.
    let code: number | null | undefined;
    exit?.then((value) => {
      code = value;
    });
    await rig.until("the end", async () => {
      rig.signal("SIGTERM");
      return code !== undefined;
    });
    expect(code).toBe(143);
  });
});

describe("a server that was killed", () => {
  test("goes on with its jobs when it is started again, and numbers their events on", async () => {
    rig = await DeploymentRig.create({ workflow: scriptedWorkflow({ delayMs: 1_000 }) });
    await rig.start({ MAX_RUNNING: "1" });
    const [first, second] = [await rig.enqueue({ topic: "first" }), await rig.enqueue({ topic: "second" })];
    await rig.until("the first node's end", async () => (await rig.get("/metrics")).body.includes('node="write"'));
    await rig.crash();
    await rig.start({ MAX_RUNNING: "1" });
    for (const id of [first, second]) {
      const job = await rig.jobWhen(id ?? "", "completed", "failed");
      expect(job.outputs).toMatchObject({ draft: "said", final: "said" });
    }
    const events = await rig.events(first ?? "");
    expect(events.map(({ id }) => Number(id))).toEqual(events.map((_, index) => index + 1));
    const types = events.map(({ data }) => data.type);
    const once = ["execution.queued", "execution.started", "execution.succeeded"];
    for (const type of once) expect([type, types.filter((one) => one === type).length]).toEqual([type, 1]);
    expect(types.filter((type) => type === "node.started")).toHaveLength(2);
    expect(types.filter((type) => type === "node.completed")).toHaveLength(2);
  });

  test("remembers idempotency keys", async () => {
    rig = await DeploymentRig.create({ workflow: scriptedWorkflow() });
    await rig.start();
    const headers = { "idempotency-key": "k" };
    const { body } = await rig.run({ topic: "x" }, headers);
    await rig.crash();
    await rig.start();
    expect((await rig.run({ topic: "x" }, headers)).body.job_id).toBe(body.job_id);
    expect((await rig.run({ topic: "y" }, headers)).status).toBe(409);
  });

  test("remembers a cancel that was asked for, and does not go on with that job", async () => {
    const call = { tool: "shell", arguments: { command: "trap '' TERM; echo $$ > tool-pid; sleep 600 & wait" } };
    const workflow = toolWorkflow("http://127.0.0.1:9/v1").replace(
      /llm: .*/,
      () => `llm: { provider: scripted, script: ${JSON.stringify([{ tool_calls: [call] }, { text: "went on" }])} }`,
    );
    rig = await DeploymentRig.create({ workflow });
    await rig.start();
    const pidFile = join(rig.directory, "data/workspace/tool-pid");
    const id = await rig.enqueue({});
    await rig.until("the tool", async () => existsSync(pidFile) && readFileSync(pidFile, "utf8") !== "");
    const pid = readFileSync(pidFile, "utf8").trim();
    const cancel = rig.delete(`/jobs/${id}`).catch(() => "the server was killed");
    await rig.until("the cancel", async () => rig.output.includes(`${id}: to be cancelled`));
    await rig.crash();
    await cancel;
    await expect.poll(() => isAlive(pid), { timeout: 15_000 }).toBe(false); // It was told to end, and heard nothing.
    await rig.start();
    expect((await rig.jobWhen(id, "cancelled", "completed", "failed")).status).toBe("cancelled");
  });

  test("runs an unfinished job by the workflow that it began with, after the directory has another", async () => {
    rig = await DeploymentRig.create({ workflow: scriptedWorkflow({ delayMs: 1_000 }) });
    await rig.start();
    const id = await rig.enqueue({ topic: "x" });
    await rig.crash();
    await rig.replaceWorkflow(scriptedWorkflow().replace("text: said", "text: something else"));
    await rig.start();
    expect((await rig.jobWhen(id, "completed")).outputs).toMatchObject({ final: "said" });
    expect((await rig.run({ topic: "x" })).body.outputs).toMatchObject({ final: "something else" });
  });
});

async function connectTo(url: string): Promise<{ refused: boolean }> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.once("connect", () => {
      socket.destroy();
      resolve({ refused: false });
    });
    socket.once("error", () => resolve({ refused: true }));
  });
}
