import { afterEach, describe, expect, test, vi } from "vitest";
import { scriptedWorkflow } from "../../support/deployed-workflows.ts";
import { DeploymentRig } from "../../support/deployment-rig.ts";

/** Longer than any test: such a job ends by a cancel, a limit or a signal. */
const FOREVER_MS = 600_000;

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let rig: DeploymentRig;

afterEach(() => rig[Symbol.asyncDispose]());

async function deploy(options: Parameters<typeof scriptedWorkflow>[0], env: Record<string, string> = {}) {
  rig = await DeploymentRig.create({ workflow: scriptedWorkflow(options) });
  const [exit] = await rig.start(env);
  return { exit };
}

describe("a slow run", () => {
  test("is answered 202 with its place after the synchronous timeout", async () => {
    await deploy({ delayMs: FOREVER_MS }, { SYNC_TIMEOUT: "0.2" });
    const { status, body, headers } = await rig.run({ topic: "x" });
    expect([status, body.status]).toEqual([202, "async"]);
    expect(headers.get("location")).toBe(`/status/${body.job_id}`);
    expect((await rig.get(`/status/${body.job_id}`)).body).toMatchObject({ status: "running", outputs: null });
  });

  test("is answered at once where the client prefers that", async () => {
    await deploy({ delayMs: FOREVER_MS });
    const { status, headers } = await rig.run({ topic: "x" }, { prefer: "wait=5, respond-async" });
    expect([status, headers.get("preference-applied")]).toEqual([202, "respond-async"]);
  });

  test("that takes longer than the workflow allows is a failed job", async () => {
    await deploy({ delayMs: FOREVER_MS, timeoutS: 1 });
    const { status, body } = await rig.run({ topic: "x" });
    expect([status, body.error.code]).toEqual([500, "EXECUTION_TIMED_OUT"]);
    expect((await rig.get(`/status/${body.error.job_id}`)).body).toMatchObject({
      status: "failed",
      error: { code: "EXECUTION_TIMED_OUT" },
    });
    expect((await rig.events(body.error.job_id)).at(-1)?.data.type).toBe("execution.timed_out");
  });
});

describe("the queue", () => {
  test("takes as many jobs as may run and wait, and refuses the next with Retry-After", async () => {
    await deploy({ delayMs: FOREVER_MS }, { MAX_RUNNING: "1", MAX_WAITING: "1" });
    const running = await rig.enqueue({ topic: "running" });
    const waiting = await rig.enqueue({ topic: "waiting" });
    const { status, headers, body } = await rig.run({ topic: "refused" });
    expect([status, body.error.code]).toEqual([429, "too_many_jobs"]);
    expect(Number(headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect((await rig.get(`/status/${waiting}`)).body.status).toBe("pending");
    await rig.delete(`/jobs/${running}`);
    await rig.jobWhen(waiting, "running");
    expect((await rig.run({ topic: "again" }, { prefer: "respond-async" })).status).toBe(202);
  });

  test("a key that has its job is answered with it, however full the queue is", async () => {
    await deploy({ delayMs: FOREVER_MS }, { MAX_RUNNING: "1", MAX_WAITING: "0" });
    const headers = { prefer: "respond-async", "idempotency-key": "k" };
    const first = await rig.run({ topic: "x" }, headers);
    const again = await rig.run({ topic: "x" }, headers);
    expect([again.status, again.body.job_id]).toEqual([202, first.body.job_id]);
  });

  test("jobs are counted by their state", async () => {
    await deploy({ delayMs: FOREVER_MS }, { MAX_RUNNING: "1" });
    const running = await rig.enqueue({ topic: "x" });
    await rig.enqueue({ topic: "y" });
    const metrics = async () => (await rig.get("/metrics")).body;
    expect(await metrics()).toContain('stigmer_jobs{state="pending"} 1\nstigmer_jobs{state="running"} 1\n');
    await rig.delete(`/jobs/${running}`);
    expect(await metrics()).toContain('stigmer_jobs{state="pending"} 0\nstigmer_jobs{state="running"} 1\n');
    expect(await metrics()).toContain('stigmer_jobs{state="cancelled"} 1\n');
  });
});

describe("a cancel", () => {
  test("ends a running job and whoever waits for it", async () => {
    await deploy({ delayMs: FOREVER_MS }, { SYNC_TIMEOUT: "60" });
    const answer = rig.run({ topic: "x" });
    await rig.until("the job", async () => (await rig.get("/jobs")).body.jobs[0]?.status === "running");
    const id = (await rig.get("/jobs")).body.jobs[0].job_id;
    expect((await rig.delete(`/jobs/${id}`)).status).toBe(202);
    const { status, body } = await answer;
    expect([status, body.error]).toEqual([409, expect.objectContaining({ code: "job_cancelled", job_id: id })]);
    expect((await rig.jobWhen(id, "cancelled")).completed_at).not.toBeNull();
    expect((await rig.events(id)).at(-1)?.data.type).toBe("execution.cancelled");
    expect((await rig.delete(`/jobs/${id}`)).status).toBe(409);
  });

  test("ends a waiting job at once", async () => {
    await deploy({ delayMs: FOREVER_MS }, { MAX_RUNNING: "1" });
    await rig.enqueue({ topic: "running" });
    const id = await rig.enqueue({ topic: "waiting" });
    const { status, body } = await rig.delete(`/jobs/${id}`);
    expect([status, body.status]).toEqual([202, "cancelled"]);
    expect((await rig.events(id)).map(({ data }) => data.type)).toEqual(["execution.queued", "execution.cancelled"]);
  });
});

describe("the token", () => {
  test("is wanted on every path, known or not, but for health", async () => {
    await deploy({}, { API_TOKEN: "sesame" });
    for (const path of ["/", "/jobs", "/docs", "/metrics", "/schema", "/openapi.json", "/nowhere", "/status/x"]) {
      const { status, headers } = await rig.get(path);
      expect([path, status, headers.get("www-authenticate")]).toEqual([path, 401, "Bearer"]);
    }
    expect((await rig.run({ topic: "x" }, { authorization: "Bearer sesam" })).status).toBe(401);
    for (const path of ["/health", "/health/live", "/health/ready"]) expect((await rig.get(path)).status).toBe(200);
    expect((await rig.run({ topic: "x" }, { authorization: "Bearer sesame" })).status).toBe(200);
    expect((await rig.get("/docs", { authorization: "bearer sesame" })).status).toBe(200);
    const { paths } = (await rig.get("/openapi.json", { authorization: "Bearer sesame" })).body;
    expect([paths["/jobs"].get.security, paths["/health"].get.security]).toEqual([[{ token: [] }], []]);
    expect(rig.output).not.toContain("sesame");
  });
});

describe("old jobs", () => {
  test("are forgotten after their time, with all that they left", async () => {
    await deploy({}, { JOB_TTL: "1" });
    const { body } = await rig.run({ topic: "x" });
    await rig.until("the job to be gone", async () => (await rig.get(`/status/${body.job_id}`)).status === 404);
    expect((await rig.get(`/events/${body.job_id}`)).status).toBe(404);
    expect((await rig.get("/jobs")).body).toEqual({ jobs: [], next_cursor: null });
    expect((await rig.get("/metrics")).body).toContain('stigmer_jobs{state="completed"} 0\n');
  });
});
