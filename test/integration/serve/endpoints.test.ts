import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { scriptedWorkflow } from "../../support/deployed-workflows.ts";
import { DeploymentRig } from "../../support/deployment-rig.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let rig: DeploymentRig;

beforeAll(async () => {
  rig = await DeploymentRig.create({ workflow: scriptedWorkflow() });
  await rig.start();
});

afterAll(() => rig?.[Symbol.asyncDispose]());

/** Of a GET whose path is sent as it stands: fetch would tidy it up. */
async function statusOf(path: string): Promise<number | undefined> {
  const { hostname, port } = new URL(rig.url);
  const [answer] = (await once(get({ hostname, port, path }), "response")) as [IncomingMessage];
  answer.resume();
  return answer.statusCode;
}

describe("a fast run", () => {
  test("answers 200 with the outputs, and the job can be read again", async () => {
    const { status, body } = await rig.run({ topic: "rain" });
    expect(status).toBe(200);
    expect(body).toEqual({
      status: "success",
      job_id: expect.any(String),
      execution_time_ms: expect.any(Number),
      outputs: { topic: "rain", count: 1, draft: "said", final: "said" },
    });
    const job = await rig.get(`/status/${body.job_id}`);
    expect(job.body).toEqual({
      job_id: body.job_id,
      status: "completed",
      created_at: expect.stringMatching(/^\d{4}-.*Z$/),
      started_at: expect.stringMatching(/^\d{4}-.*Z$/),
      completed_at: expect.stringMatching(/^\d{4}-.*Z$/),
      outputs: body.outputs,
      error: null,
    });
  });

  test("takes an empty body for no inputs, and names each field that is wrong, once", async () => {
    expect((await rig.run("")).body.error).toMatchObject({
      code: "validation_error",
      details: [{ field: "topic", message: expect.stringContaining("required") }],
    });
    const { status, body } = await rig.run({ topic: 1, count: "x", tgas: [], tags: [1, 2] });
    expect(status).toBe(422);
    expect(body.error.details.map(({ field }: { field: string }) => field).sort()).toEqual([
      "count",
      "tags",
      "tgas",
      "topic",
    ]);
    expect(JSON.stringify(body)).toContain("did you mean tags?");
  });

  test("refuses a body that is no JSON object, and starts nothing for it", async () => {
    const before = (await rig.get("/jobs?limit=200")).body.jobs.length;
    expect((await rig.run("{")).status).toBe(400);
    expect((await rig.run("[1]")).status).toBe(422);
    expect((await rig.run(`{"topic":${"[".repeat(100_000)}${"]".repeat(100_000)}}`)).status).toBe(400);
    expect((await rig.run("null")).status).toBe(422);
    expect((await rig.run({ topic: "x", unknown: 1 })).status).toBe(422);
    expect((await rig.run(`{"topic":"${"x".repeat(17 * 1024 * 1024)}"}`)).status).toBe(413);
    expect((await rig.run('{"__proto__": {"topic": "x"}, "topic": "y"}')).status).toBe(422);
    expect((await rig.get("/jobs?limit=200")).body.jobs.length).toBe(before);
  });

  test("is refused to a page of another site", async () => {
    const { status, body } = await rig.run({ topic: "x" }, { "sec-fetch-site": "cross-site" });
    expect([status, body.error.code]).toEqual([403, "cross_site"]);
  });
});

describe("an idempotency key", () => {
  test("returns the same job for the same body, however it is written, also at once", async () => {
    const key = { "idempotency-key": "order-1" };
    const answers = await Promise.all([
      rig.run('{"topic":"a","count":2}', key),
      rig.run('{ "count": 2, "topic": "a" }', key),
      rig.run({ topic: "a", count: 2 }, key),
    ]);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => body.job_id)).size).toBe(1);
  });

  test("is a conflict with another body", async () => {
    const key = { "idempotency-key": "order-2" };
    const first = await rig.run({ topic: "a" }, key);
    const { status, body } = await rig.run({ topic: "b" }, key);
    expect(status).toBe(409);
    expect((await rig.run({ topc: "a" }, key)).status).toBe(409); // Whether or not it would have been taken.
    expect(body.error).toMatchObject({ code: "idempotency_conflict", job_id: first.body.job_id });
  });
});

describe("the list of jobs", () => {
  test("comes newest first, in pages that join without gap or repeat", async () => {
    const ids: string[] = [];
    for (let index = 0; index < 5; index += 1) ids.unshift((await rig.run({ topic: `job ${index}` })).body.job_id);
    const listed: string[] = [];
    let cursor: string | null = null;
    do {
      const page: { jobs: { job_id: string }[]; next_cursor: string | null } = (
        await rig.get(`/jobs?limit=2${cursor === null ? "" : `&cursor=${cursor}`}`)
      ).body;
      expect(page.jobs.length).toBeLessThanOrEqual(2);
      listed.push(...page.jobs.map(({ job_id }) => job_id));
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(listed.slice(0, 5)).toEqual(ids);
    expect(new Set(listed).size).toBe(listed.length);
  });

  test.each(["limit=0", "limit=201", "limit=x", "limit=", "cursor=x", "cursor=-1"])("refuses %s", async (query) => {
    expect((await rig.get(`/jobs?${query}`)).status).toBe(400);
  });
});

describe("the events of a job", () => {
  test("are numbered without a gap and end with the terminal one", async () => {
    const { body } = await rig.run({ topic: "x" });
    const events = await rig.events(body.job_id);
    expect(events.map(({ id }) => Number(id))).toEqual(events.map((_, index) => index + 1));
    const types = events.map(({ data }) => data.type);
    expect(types.slice(0, 3)).toEqual(["execution.queued", "execution.started", "node.started"]);
    expect(types.filter((type) => type === "node.completed")).toHaveLength(2);
    expect(types.at(-1)).toBe("execution.succeeded");
    expect(events.at(-1)?.data).toMatchObject({ executionId: body.job_id, data: { output: body.outputs } });
  });

  test("go on after the number in Last-Event-ID, and are over after the last", async () => {
    const { body } = await rig.run({ topic: "x" });
    const all = await rig.events(body.job_id);
    expect(await rig.events(body.job_id, { "last-event-id": "3" })).toEqual(all.slice(3));
    const nothingMore = await rig.get(`/events/${body.job_id}`, { "last-event-id": String(all.length) });
    expect([nothingMore.status, nothingMore.headers.get("content-length")]).toEqual([204, null]);
    expect((await rig.get(`/events/${body.job_id}`, { "last-event-id": "x" })).status).toBe(400);
  });
});

test("HEAD answers as GET, without a body and without a stream that never ends", async () => {
  const { body } = await rig.run({ topic: "x" });
  for (const path of ["/", "/jobs", `/status/${body.job_id}`, `/events/${body.job_id}`]) {
    const response = await fetch(rig.url + path, { method: "HEAD" });
    expect([path, response.status, await response.text()]).toEqual([path, 200, ""]);
  }
});

test("readers of events that come and go at once leave the server as it was", async () => {
  const before = await rig.descriptors();
  for (let round = 0; round < 20; round += 1) {
    const id = await rig.enqueue({ topic: "x" });
    const readers = Array.from({ length: 5 }, async () => {
      const gone = new AbortController();
      const stream = fetch(`${rig.url}/events/${id}`, { signal: gone.signal });
      if (round % 2 === 0) await stream;
      gone.abort();
      await stream.then(
        (response) => response.text(),
        () => {},
      );
    });
    await Promise.allSettled(readers);
    await rig.jobWhen(id, "completed");
  }
  // The client keeps a few connections of its own.
  await rig.until("the end of all streams", async () => (await rig.descriptors()) <= before + 10);
  expect((await rig.get("/health")).status).toBe(200);
});

describe("what does not exist", () => {
  test("an unknown path, job or method is an error as JSON", async () => {
    expect((await rig.get("/nowhere")).body.error.code).toBe("not_found");
    for (const path of ["/status/nothing", "/events/nothing"]) expect((await rig.get(path)).status).toBe(404);
    expect((await rig.delete("/jobs/nothing")).status).toBe(404);
    const wrongMethod = await rig.get("/run");
    expect([wrongMethod.status, wrongMethod.headers.get("allow")]).toEqual([405, "POST"]);
  });

  test("a job that has ended cannot be cancelled", async () => {
    const { body } = await rig.run({ topic: "x" });
    expect((await rig.delete(`/jobs/${body.job_id}`)).status).toBe(409);
  });
});

describe("what the server tells about itself", () => {
  test("name, version and every endpoint", async () => {
    const { body } = await rig.get("/");
    expect(body).toMatchObject({ name: "greeting", version: "2.1.0", stigmer_version: expect.any(String) });
    for (const { method, path } of body.endpoints) {
      // None of them is unknown: without a job of that id the answer is 404 with a body that says so.
      const response = await fetch(rig.url + path.replace("{id}", "none"), { method });
      const text = await response.text();
      expect([response.status, text]).not.toEqual([404, expect.stringContaining("there is no /")]);
      expect(response.status).not.toBe(405);
    }
  });

  test("health, alive and ready", async () => {
    for (const path of ["/health", "/health/live", "/health/ready"]) {
      expect([(await rig.get(path)).status, path]).toEqual([200, path]);
    }
  });

  test("schemas that take its inputs and its outputs", async () => {
    const { inputs, outputs } = (await rig.get("/schema")).body;
    const ajv = new Ajv2020();
    expect(ajv.validate(inputs, { topic: "x", tags: ["a"] })).toBe(true);
    expect(ajv.validate(inputs, { topic: "x", tags: [1] })).toBe(false);
    expect(ajv.validate(outputs, (await rig.run({ topic: "x" })).body.outputs)).toBe(true);
  });

  test("an OpenAPI document of exactly the endpoints that there are", async () => {
    const { endpoints } = (await rig.get("/")).body;
    const { paths, openapi } = (await rig.get("/openapi.json")).body;
    expect(openapi).toMatch(/^3\.1/);
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const served = endpoints.map(({ method, path }: { method: string; path: string }) => `${method} ${path}`);
    expect(documented.sort()).toEqual(served.sort());
  });

  test("no other way to them than their paths", async () => {
    for (const path of ["//x/metrics", "/\\x/metrics", "//metrics"]) {
      expect([path, await statusOf(path)]).toEqual([path, 404]);
    }
  });

  test("a page for people", async () => {
    const { status, headers, body } = await rig.get("/docs");
    expect([status, headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(body).toContain("<h1>greeting");
  });

  test("metrics of requests, jobs, durations and tokens", async () => {
    await rig.run({ topic: "x" });
    const { body, headers } = await rig.get("/metrics");
    expect(headers.get("content-type")).toContain("text/plain");
    expect(body).toMatch(/http_requests_total\{method="POST",path="\/run",status="200"\} [1-9]/);
    expect(body).toMatch(/jobs\{state="completed"\} [1-9]/);
    expect(body).toMatch(/job_duration_seconds_count\{status="completed"\} [1-9]/);
    expect(body).toMatch(/model_tokens_total\{direction="output"\} [1-9]/);
  });
});
