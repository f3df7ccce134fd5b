import { describe, expect, test } from "vitest";
import { DockerRequestError } from "../../../src/docker/engine.ts";
import { toApiError } from "../../../src/docker-runner/api-error.ts";
import { readBase64 } from "../../../src/docker-runner/base64.ts";
import { Activity } from "../../../src/docker-runner/lifecycle/activity.ts";
import { Concurrency } from "../../../src/docker-runner/lifecycle/concurrency.ts";
import { hashOf, IdempotentCalls } from "../../../src/docker-runner/lifecycle/idempotency.ts";
import { Metrics } from "../../../src/docker-runner/metrics.ts";
import { readSettings, runnerIdOf } from "../../../src/docker-runner/settings.ts";
import { toEngineTime } from "../../../src/docker-runner/streams/instant.ts";
import { JsonLines } from "../../../src/docker-runner/streams/json-lines.ts";
import { readClientFrame } from "../../../src/docker-runner/websocket/client-frame.ts";
import { readSessionQuery, toSessionCommand } from "../../../src/docker-runner/websocket/session-command.ts";
import { AppError } from "../../../src/errors.ts";

describe("settings", () => {
  const required = { DOCKER_RUNNER_SHARED_SECRET: "0123456789abcdef" };

  test("have the documented defaults", () => {
    expect(readSettings(required)).toEqual({
      host: "127.0.0.1",
      port: 7071,
      secrets: ["0123456789abcdef"],
      signatureTtlMs: 60_000,
      dockerSocket: null,
      logLevel: "info",
      policyFile: null,
      runnerId: null,
      metricsPort: null,
    });
  });

  test.each([
    ["DOCKER_RUNNER_PORT", "abc"],
    ["DOCKER_RUNNER_PORT", "0"],
    ["DOCKER_RUNNER_PORT", "65536"],
    ["DOCKER_RUNNER_PORT", "70.5"],
    ["DOCKER_RUNNER_PORT", "0x1b"],
    ["DOCKER_RUNNER_PORT", ""],
    ["DOCKER_RUNNER_HOST", " "],
    ["DOCKER_RUNNER_SIGNATURE_TTL_MS", "-1"],
    ["DOCKER_RUNNER_SIGNATURE_TTL_MS", "0"],
    ["DOCKER_RUNNER_SIGNATURE_TTL_MS", "60s"],
    ["DOCKER_RUNNER_LOG_LEVEL", "loud"],
    ["DOCKER_RUNNER_POLICY", ""],
    ["DOCKER_SOCKET", ""],
    ["DOCKER_RUNNER_ID", "a b"],
    ["DOCKER_RUNNER_METRICS_PORT", "-5"],
    ["DOCKER_RUNNER_SHARED_SECRET", "0123456789abcde"],
    ["DOCKER_RUNNER_SHARED_SECRET", ""],
    ["DOCKER_RUNNER_SHARED_SECRET_PREVIOUS", "0123456789abcde"],
  ])("a wrong %s (%j) is named, and a secret is not told", (name, value) => {
    const read = () => readSettings({ ...required, [name]: value });
    expect(read).toThrowError(
      expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining(name) }),
    );
    if (name.includes("SECRET") && value !== "")
      expect(read).toThrowError(expect.not.objectContaining({ message: expect.stringContaining(value) }));
  });

  test("the runner's identity is stable for the same settings and follows them", () => {
    const settings = readSettings(required);
    expect(runnerIdOf(settings, "unix:///a")).toBe(runnerIdOf(settings, "unix:///a"));
    expect(runnerIdOf(settings, "unix:///a")).not.toBe(runnerIdOf({ ...settings, port: 7072 }, "unix:///a"));
    expect(runnerIdOf({ ...settings, runnerId: "mine" }, "unix:///a")).toBe("mine");
  });
});

const MISTAKE = "docker_bad_request";

describe("errors", () => {
  test.each([
    [new DockerRequestError(404, "No such container: x"), 404, "container_not_found", false],
    [new DockerRequestError(404, "No such exec instance: x"), 404, "exec_not_found", false],
    [new DockerRequestError(404, "Could not find the file /x in container y"), 404, "path_not_found", false],
    [new DockerRequestError(404, "page not found"), 404, "not_found", false],
    [new DockerRequestError(409, "Container x is not running"), 409, "container_not_running", false],
    [new DockerRequestError(409, "remove v: volume is in use - [x]"), 409, "volume_in_use", false],
    [new DockerRequestError(409, "something else"), 409, "conflict", false],
    [new DockerRequestError(304, ""), 304, "not_modified", false],
    [new DockerRequestError(500, "broken"), 500, "docker_error", true],
    [new DockerRequestError(500, "unable to find user x: no matching entries in passwd file"), 400, MISTAKE, false],
    [new DockerRequestError(500, "Error processing tar file(exit status 1): unexpected EOF"), 400, MISTAKE, false],
    [new DockerRequestError(500, "Error processing tar file(exit status 1): no space left"), 500, "docker_error", true],
    [new DockerRequestError(500, "listen tcp4 127.0.0.1:80: bind: address already in use"), 409, "port_taken", false],
    [new AppError("DOCKER_NOT_RUNNING", "gone"), 503, "docker_unavailable", true],
    [new AppError("DOCKER_UNRESPONSIVE", "mute"), 503, "docker_unavailable", true],
    [new AppError("DOCKER_PERMISSION_DENIED", "forbidden"), 503, "docker_unavailable", true],
  ])("%s becomes %d %s", (error, statusCode, code, retryable) => {
    expect(toApiError(error)).toMatchObject({ statusCode, code, retryable });
  });

  test("a fault of ours is none of them", () => {
    expect(toApiError(new TypeError("x is not a function"))).toBeNull();
  });
});

describe("base64", () => {
  test.each(["", "YQ==", "YQ", "YWI=", "YWJj", "-_-_", "+/+/"])("%j is read", (text) => {
    expect(readBase64(text)).toEqual(Buffer.from(text, "base64"));
  });

  test.each(["Y", "YQ=", "Y===", "YW=I", "Y Q=", "YQ==\n", "€", "+/-_", "YWJj="])("%j is not", (text) => {
    expect(readBase64(text)).toBeNull();
  });
});

describe("instants", () => {
  test.each([
    ["0", "0"],
    ["1700000000", "1700000000"],
    ["1700000000.123456789", "1700000000.123456789"],
    ["2026-01-01T00:00:00Z", "1767225600"],
    ["2026-01-01T00:00:00.5Z", "1767225600.5"],
    ["2026-01-01T00:00:00.123456789Z", "1767225600.123456789"],
    ["2026-01-01T02:00:00+02:00", "1767225600"],
  ])("%s is %s", (text, time) => {
    expect(toEngineTime(text)).toBe(time);
  });

  test.each(["", "yesterday", "10m", "-1", "1e9", "2026-01-01", "2026-13-01T00:00:00Z", "NaN"])(
    "%j is unreadable",
    (text) => {
      expect(() => toEngineTime(text)).toThrowError(expect.objectContaining({ code: "validation_error" }));
    },
  );
});

describe("lines of JSON", () => {
  const text = '{"a":1}\nno json\n\n{"b":"é\\n"}\n{"last":true}';
  const lines = [
    { document: { a: 1 } },
    { problem: "a line of the engine's was no JSON" },
    { document: { b: "é\n" } },
    { document: { last: true } },
  ];

  test("are read once each, however they are cut, the bad ones told and the last one without a newline", () => {
    const bytes = Buffer.from(text);
    for (let size = 1; size <= bytes.length; size += 1) {
      const reader = new JsonLines();
      const read = [];
      for (let start = 0; start < bytes.length; start += size)
        read.push(...reader.push(bytes.subarray(start, start + size)));
      expect([...read, ...reader.end()]).toEqual(lines);
    }
  });

  test("one without an end does not fill the memory", () => {
    const reader = new JsonLines();
    for (let round = 0; round < 100; round += 1) expect(reader.push(Buffer.alloc(1024 * 1024, "x"))).toEqual([]);
    expect(reader.push(Buffer.from('\n{"a":1}\n'))).toEqual([
      { problem: "a line of the engine's was too long" },
      { document: { a: 1 } },
    ]);
  });
});

describe("times to live", () => {
  test("expire when nothing uses the container, and are renewed by use", () => {
    let nowMs = 0;
    const activity = new Activity(() => nowMs);
    activity.watch("a", 1_000);
    nowMs = 999;
    expect(activity.expired()).toEqual([]);
    activity.touch("a");
    nowMs = 1_500;
    expect(activity.expired()).toEqual([]);
    const ends = [activity.begin("a"), activity.begin("a")];
    nowMs = 10_000;
    expect(activity.expired()).toEqual([]);
    for (const end of [...ends, ...ends]) end();
    nowMs = 10_999;
    expect(activity.expired()).toEqual([]);
    nowMs = 11_000;
    expect(activity.expired()).toEqual(["a"]);
    activity.watch("a", 99_000); // Known already: what is known of it stays.
    expect(activity.expired()).toEqual(["a"]);
    activity.forget("a");
    expect(activity.expired()).toEqual([]);
  });
});

describe("concurrency", () => {
  test("turns away what is beyond the limit, and room returns", async () => {
    const concurrency = new Concurrency({ requests: 2, streams: 1 });
    const ends = [concurrency.enter("request"), concurrency.enter("request"), concurrency.enter("stream")];
    for (const kind of ["request", "stream"] as const) {
      expect(() => concurrency.enter(kind)).toThrowError(
        expect.objectContaining({ statusCode: 429, code: "too_many_requests", retryable: true }),
      );
    }
    let isIdle = false;
    const idle = concurrency.untilIdle().then(() => (isIdle = true));
    for (const end of ends) {
      await Promise.resolve();
      expect(isIdle).toBe(false);
      end();
    }
    await idle;
    concurrency.enter("request");
  });
});

describe("idempotent calls", () => {
  test("share one answer, refuse another request, and forget what failed", async () => {
    const calls = new IdempotentCalls<number>();
    let count = 0;
    const work = async () => ++count;
    expect(await Promise.all([calls.run("k", "h", work), calls.run("k", "h", work)])).toEqual([1, 1]);
    expect(() => calls.run("k", "other", work)).toThrowError(expect.objectContaining({ statusCode: 409 }));
    await expect(calls.run("f", "h", async () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await calls.run("f", "h", work)).toBe(2);
  });

  test("are forgotten after a while", async () => {
    let nowMs = 0;
    const calls = new IdempotentCalls<number>(() => nowMs);
    let count = 0;
    await calls.run("k", "h", async () => ++count);
    nowMs = 601_000;
    await calls.run("other", "h", async () => ++count);
    expect(await calls.run("k", "h", async () => ++count)).toBe(3);
  });

  test("the order of keys makes no other request", () => {
    expect(hashOf({ a: 1, b: { c: [1, { d: 2, e: 3 }] } })).toBe(hashOf({ b: { c: [1, { e: 3, d: 2 }] }, a: 1 }));
    expect(hashOf({ a: [1, 2] })).not.toBe(hashOf({ a: [2, 1] }));
  });
});

describe("WebSocket input", () => {
  const query = (fields: object) => readSessionQuery({ containerId: "c", ...fields });

  test("a command in the query is a JSON list or text for a shell", () => {
    expect(query({ command: '["a", "b"]' }).fields).toEqual({ command: ["a", "b"] });
    expect(query({ command: "[ -f x ] && echo" }).fields).toEqual({ command: "[ -f x ] && echo" });
    expect(query({ command: "[1]" }).fields).toEqual({ command: "[1]" });
  });

  test.each([
    [{ containerId: "" }],
    [{ containerId: "../x" }],
    [{ containerId: undefined }],
    [{ tty: "1" }],
    [{ demux: "" }],
    [{ env: "A=1" }],
    [{ user: "root" }],
    [{ workdir: ["a", "b"] }],
  ])("%j is a bad query", (fields) => {
    expect(() => query(fields)).toThrowError(expect.objectContaining({ code: "validation_error" }));
  });

  test.each([
    [{}],
    [{ command: "" }],
    [{ command: [] }],
    [{ command: [1] }],
    [{ command: "x", env: ["A=1"] }],
    [{ command: "x", env: { A: 1 } }],
    [{ command: "x", env: { "A=B": "1" } }],
    [{ command: "x", tty: "true" }],
    [{ command: "x", privileged: true }],
  ])("%j is no command", (fields) => {
    expect(() => toSessionCommand(fields)).toThrowError(expect.objectContaining({ code: "validation_error" }));
  });

  test.each([
    ['{"type":"stdin","data":"YQ=="}', { type: "stdin", data: Buffer.from("a") }],
    ['{"type":"eof"}', { type: "eof" }],
    ['{"type":"close"}', { type: "close" }],
    ['{"type":"resize","cols":80,"rows":24}', { type: "resize", columns: 80, rows: 24 }],
    ['{"type":"signal","signal":"SIGTERM"}', { type: "signal", signal: "TERM" }],
    ['{"type":"start","command":["a"]}', { type: "start", fields: { command: ["a"] } }],
  ])("%s is a frame", (text, frame) => {
    expect(readClientFrame(text)).toEqual(frame);
  });

  test.each([
    "",
    "null",
    "[]",
    '{"type":"stdin","data":"?"}',
    '{"type":"stdin"}',
    '{"type":"resize","cols":0,"rows":24}',
    '{"type":"resize","cols":"80","rows":24}',
    '{"type":"signal","signal":"TERM; rm -rf /"}',
    '{"type":"signal","signal":"constructor"}',
    '{"type":"nothing"}',
  ])("%j is none", (text) => {
    expect(() => readClientFrame(text)).toThrowError(expect.objectContaining({ code: "validation_error" }));
  });
});

test("metrics are rendered in the text format, with labels that cannot break it", () => {
  const metrics = new Metrics();
  metrics.countRequest("GET", '/a"b\n', 200);
  metrics.countRefusal("policy_denied");
  metrics.beginExec();
  metrics.beginExec()();
  const text = metrics.render({ requests: 1, streams: 2, nonces: 3, nonceCapacity: 4, containers: null });
  expect(text).toContain('docker_runner_requests_total{method="GET",route="/a_b_",status="200"} 1\n');
  expect(text).toContain('docker_runner_refusals_total{code="policy_denied"} 1\n');
  expect(text).toContain("docker_runner_execs_total 2\n");
  expect(text).toContain("docker_runner_execs_running 1\n");
  expect(text).toContain("docker_runner_streams_open 2\n");
  expect(text).toContain("docker_runner_nonces 3\n");
  expect(text).not.toContain("docker_runner_containers");
});
