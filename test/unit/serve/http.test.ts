import { describe, expect, test } from "vitest";
import type { Route } from "../../../agent-runner/src/serve/http/route.ts";
import { createRouter } from "../../../agent-runner/src/serve/http/router.ts";
import { createEventBell } from "../../../agent-runner/src/serve/jobs/event-bell.ts";
import { publicError } from "../../../agent-runner/src/serve/jobs/public-error.ts";
import { createMetrics } from "../../../agent-runner/src/serve/metrics/metrics.ts";

const route = (method: Route["method"], path: string): Route => ({
  method,
  path,
  isOpen: false,
  operation: { summary: path, responses: {} },
  handle: () => ({ status: 200, json: null }),
});

describe("the router", () => {
  const router = createRouter([route("GET", "/jobs"), route("GET", "/jobs/{id}"), route("DELETE", "/jobs/{id}")]);

  test("finds a route and its parameters, decoded", () => {
    expect(router.match("DELETE", "/jobs/a%2Fb")?.params).toEqual({ id: "a/b" });
    expect(router.match("GET", "/jobs")?.route.path).toBe("/jobs");
  });

  test("answers HEAD as GET", () => {
    expect(router.match("HEAD", "/jobs")?.route.method).toBe("GET");
  });

  test.each(["/jobs/", "/jobs/%zz", "/jobs/a/b", "/Jobs", "", "//jobs"])("knows no path %s", (path) => {
    expect(router.match("GET", path)).toBeNull();
  });

  test("tells the methods of a path", () => {
    expect(router.methodsOf("/jobs/x")).toEqual(["GET", "HEAD", "DELETE"]);
    expect(router.methodsOf("/nowhere")).toEqual([]);
  });
});

describe("the event bell", () => {
  test("rings for those who listen to that job, until they stop", () => {
    const bell = createEventBell();
    const rung: string[] = [];
    const stop = bell.listen(1, () => rung.push("first"));
    bell.listen(1, () => rung.push("second"));
    bell.listen(2, () => rung.push("other"));
    bell.ring(1);
    stop();
    bell.ring(1);
    expect(rung).toEqual(["first", "second", "second"]);
  });
});

test("what a client is told of a failure has its code and its node, and no word of the model", () => {
  const error = publicError("EXECUTION_FAILED", 'a "node"');
  expect(error.code).toBe("EXECUTION_FAILED");
  expect(error.message).toContain('"a \\"node\\""');
});

describe("metrics", () => {
  const job = {
    number: 1,
    id: "j",
    status: "completed" as const,
    isCancelAsked: false,
    createdAt: 0,
    startedAt: 0,
    completedAt: 0,
    elapsedMs: 0,
    idempotencyKey: null,
    bodyDigest: "",
    workflow: "",
    error: null,
  };
  const counts = { pending: 1, running: 2, completed: 3, failed: 4, cancelled: 5 };

  test("count requests, jobs by state, durations and tokens", () => {
    const metrics = createMetrics();
    metrics.answered({ method: "GET", path: "/run", status: 200, ms: 20 });
    metrics.answered({ method: "GET", path: "/run", status: 200, ms: 2_000 });
    const run = {
      run: 1,
      node: 'say "hi"\n',
      iteration: 1,
      phase: "open" as const,
      output: null,
      error: null,
      state: {},
      attempt: 1,
    };
    metrics.observer.runStarted?.(job, run, 1_000);
    const record = {
      kind: "model" as const,
      text: "",
      toolCalls: [],
      tokens: { input: 7, output: 5 },
      finishReason: null,
    };
    metrics.observer.stepFinished?.(job, run, { step: 1, record, at: 0 });
    metrics.observer.runEnded?.(job, run, { at: 1_500, code: null });
    metrics.observer.jobEnded?.(job, { status: "completed", at: 0, elapsedMs: 500, code: null });
    const lines = metrics.render(counts).split("\n");
    expect(lines).toContain('stigmer_http_requests_total{method="GET",path="/run",status="200"} 2');
    expect(lines).toContain('stigmer_http_request_duration_seconds_bucket{method="GET",path="/run",le="0.05"} 1');
    expect(lines).toContain('stigmer_http_request_duration_seconds_bucket{method="GET",path="/run",le="5"} 2');
    expect(lines).toContain('stigmer_http_request_duration_seconds_bucket{method="GET",path="/run",le="+Inf"} 2');
    expect(lines).toContain('stigmer_http_request_duration_seconds_sum{method="GET",path="/run"} 2.02');
    expect(lines).toContain('stigmer_jobs{state="cancelled"} 5');
    expect(lines).toContain('stigmer_job_duration_seconds_count{status="completed"} 1');
    expect(lines).toContain('stigmer_node_duration_seconds_sum{node="say \\"hi\\"\\n"} 0.5');
    expect(lines).toContain('stigmer_model_tokens_total{direction="input"} 7');
    expect(lines).toContain('stigmer_model_tokens_total{direction="output"} 5');
  });

  test("every line is a comment or a sample", () => {
    const metrics = createMetrics();
    metrics.answered({ method: "POST", path: "unknown", status: 404, ms: 1 });
    const sample = /^(#.*|[a-z_]+(\{[a-z]+="(\\.|[^"\\])*"(,[a-z]+="(\\.|[^"\\])*")*\})? [\d.e+-]+)?$/;
    expect(
      metrics
        .render(counts)
        .split("\n")
        .filter((line) => !sample.test(line)),
    ).toEqual([]);
  });
});
