import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { afterEach, describe, expect, test } from "vitest";
import { RunnerCaller, signedHeaders } from "../support/docker-runner-client.ts";
import { type RunnerProcess, refusedStart, spawnRunner } from "../support/docker-runner-process.ts";
import { serveFakeDocker } from "../support/fake-docker.ts";
import { freePort } from "../support/free-port.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const SECRET = "0123456789abcdef";
const ID = "a".repeat(64);

const started: RunnerProcess[] = [];
afterEach(async () => {
  for (const { child, exit } of started.splice(0)) {
    child.kill("SIGKILL");
    await exit;
  }
});

interface Running extends RunnerProcess {
  caller: RunnerCaller;
  port: number;
}

async function start(settings: Record<string, string> = {}): Promise<Running> {
  const port = Number(settings["DOCKER_RUNNER_PORT"] ?? (await freePort()));
  const runner = spawnRunner({
    DOCKER_RUNNER_PORT: String(port),
    DOCKER_RUNNER_SHARED_SECRET: SECRET,
    DOCKER_SOCKET: "/nowhere.sock",
    ...settings,
  });
  started.push(runner);
  expect(await runner.listening).toEqual({ type: "listening", port });
  const secret = settings["DOCKER_RUNNER_SHARED_SECRET"] ?? SECRET;
  return { ...runner, port, caller: new RunnerCaller({ port, secret }) };
}

describe("settings", () => {
  test("without DOCKER_RUNNER_SHARED_SECRET the service exits non-zero and names it", async () => {
    const { code, output } = await refusedStart({});
    expect(code).toBe(2);
    expect(output).toContain("DOCKER_RUNNER_SHARED_SECRET is required");
  });

  test("a secret of 15 characters is refused, one of 16 is taken; neither is ever printed", async () => {
    const short = "a-secret-of-15c";
    for (const name of ["DOCKER_RUNNER_SHARED_SECRET", "DOCKER_RUNNER_SHARED_SECRET_PREVIOUS"]) {
      const { code, output } = await refusedStart({ DOCKER_RUNNER_SHARED_SECRET: SECRET, [name]: short });
      expect(code).toBe(2);
      expect(output).toContain(`${name} needs at least 16 characters`);
      expect(output).not.toContain(short);
    }
    const runner = await start({ DOCKER_RUNNER_SHARED_SECRET: "a-secret-of-16-c", DOCKER_RUNNER_LOG_LEVEL: "trace" });
    expect((await runner.caller.get("/openapi.json")).status).toBe(200);
    expect(runner.output()).not.toContain("a-secret-of-16-c");
  });

  test.each([
    ["DOCKER_RUNNER_PORT", "eighty"],
    ["DOCKER_RUNNER_PORT", "70000"],
    ["DOCKER_RUNNER_SIGNATURE_TTL_MS", "soon"],
    ["DOCKER_RUNNER_SIGNATURE_TTL_MS", "-1"],
    ["DOCKER_RUNNER_LOG_LEVEL", "verbose"],
    ["DOCKER_SOCKET", "ssh://host"],
    ["DOCKER_RUNNER_HOST", "not.an.address.invalid"],
  ])("a bad %s (%s) stops the service and is named", async (name, value) => {
    const { code, output } = await refusedStart({ DOCKER_RUNNER_SHARED_SECRET: SECRET, [name]: value });
    expect(code).toBeGreaterThan(0);
    expect(output).toContain(name);
  });

  test("a missing, damaged or misspelt policy file stops the service and is named", async () => {
    await using directory = await temporaryDirectory();
    const write = (name: string, text: string) => {
      writeFileSync(directory.file(name), text);
      return directory.file(name);
    };
    for (const [file, names] of [
      [directory.file("missing.yaml"), ["missing.yaml"]],
      [write("damaged.yaml", "images: [a\n  b: }"), ["damaged.yaml"]],
      [write("damaged.json", '{"images": ["a"'), ["damaged.json"]],
      [write("twice.yaml", "privileged: true\nprivileged: false\n"), ["twice.yaml"]],
      [write("empty.yaml", ""), ["the whole file"]],
      [write("misspelt.yaml", "image: [a]\n"), ["image"]],
      [write("type.yaml", "privileged: maybe\n"), ["privileged"]],
    ] as const) {
      const { code, output } = await refusedStart({ DOCKER_RUNNER_SHARED_SECRET: SECRET, DOCKER_RUNNER_POLICY: file });
      expect(code).toBe(2);
      for (const name of ["DOCKER_RUNNER_POLICY", ...names]) expect(output).toContain(name);
    }
  });

  test("when its port is taken the service exits non-zero and names the port", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const address = holder.address();
    const port = String(typeof address === "object" ? address?.port : 0);
    const { code, output } = await refusedStart({ DOCKER_RUNNER_SHARED_SECRET: SECRET, DOCKER_RUNNER_PORT: port });
    holder.close();
    expect(code).toBe(7);
    expect(output).toContain(`Port ${port}`);
  });

  test("a policy file relaxes key by key, and the start log lists every relaxation", async () => {
    await using directory = await temporaryDirectory();
    writeFileSync(directory.file("policy.yaml"), "images: [a, b]\nhostPid: true\nlimits: { memory: 2g }\n");
    const relaxed = await start({
      DOCKER_RUNNER_POLICY: directory.file("policy.yaml"),
      DOCKER_RUNNER_LOG_LEVEL: "silent",
    });
    for (const line of ["images: a, b", "hostPid: true", `limits.memory: ${2 * 1024 ** 3}`]) {
      await expect.poll(relaxed.output, { timeout: 20_000 }).toContain(`the policy is relaxed: ${line}`);
    }
    await expect.poll(relaxed.output, { timeout: 20_000 }).toContain("listening on");
    expect(relaxed.output().match(/relaxed/g)?.length).toBe(3);
    const strict = await start();
    await expect.poll(strict.output, { timeout: 20_000 }).toContain("the policy is strict");
  });

  test("--env-file gives settings under those of the environment, and a .env is never read by itself", async () => {
    await using directory = await temporaryDirectory();
    const [port, other] = [await freePort(), await freePort()];
    writeFileSync(
      directory.file("settings"),
      `DOCKER_RUNNER_SHARED_SECRET=from-the-file-123\nDOCKER_RUNNER_PORT=${other}\n`,
    );
    writeFileSync(directory.file(".env"), "DOCKER_RUNNER_PORT=broken\n");
    const runner = spawnRunner(
      { DOCKER_RUNNER_PORT: String(port), DOCKER_SOCKET: "/nowhere.sock" },
      { args: ["--env-file", directory.file("settings")], cwd: directory.path },
    );
    started.push(runner);
    expect(await runner.listening).toEqual({ type: "listening", port });
    const caller = new RunnerCaller({ port, secret: "from-the-file-123" });
    expect((await caller.get("/openapi.json")).status).toBe(200);
    const missing = await refusedStart({ DOCKER_RUNNER_SHARED_SECRET: SECRET }, ["--env-file", "/no/such/file"]);
    expect(missing.code).toBeGreaterThan(0);
    expect(missing.output).toContain("/no/such/file"); // Node 20 reads the option itself, and ends with its own words.
  });

  test("an unknown argument is refused", async () => {
    expect(await refusedStart({ DOCKER_RUNNER_SHARED_SECRET: SECRET }, ["--port", "1"])).toMatchObject({ code: 2 });
  });
});

test("health answers without authentication, and only on loopback by default", async () => {
  const { caller, port } = await start();
  expect(await caller.get("/v1/health", { signature: {} })).toMatchObject({ status: 200, json: { status: "ok" } });
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === "IPv4" && !address.internal);
  if (outside === undefined) return; // A machine with loopback alone.
  const refused = await new Promise<string>((resolve) => {
    request({ host: outside.address, port, path: "/v1/health" }, () => resolve("answered"))
      .on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""))
      .end();
  });
  expect(refused).toBe("ECONNREFUSED");
});

test("GET /openapi.json, signed, describes every route, and the package holds the same document", async () => {
  const { caller } = await start();
  const { json } = await caller.get("/openapi.json");
  const paths = json["paths"] as Record<string, Record<string, unknown>>;
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((one) => `${one} ${path}`),
  );
  expect(routes.sort()).toEqual([
    "get /metrics",
    "get /openapi.json",
    "get /v1/containers/inspect",
    "get /v1/containers/labels",
    "get /v1/containers/listByVolume",
    "get /v1/containers/logs/sse",
    "get /v1/containers/networks",
    "get /v1/events/sse",
    "get /v1/exec/interactive/ws",
    "get /v1/health",
    "get /v1/images/ensure/sse",
    "get /v1/ready",
    "post /v1/containers/findByLabels",
    "post /v1/containers/putArchive",
    "post /v1/containers/remove",
    "post /v1/containers/start",
    "post /v1/containers/stop",
    "post /v1/containers/touch",
    "post /v1/exec/resize",
    "post /v1/exec/run",
    "post /v1/images/ensure",
    "post /v1/volumes/remove",
  ]);
  const kept = readFileSync(new URL("../../schemas/docker-runner.openapi.json", import.meta.url), "utf8");
  expect(json).toEqual(JSON.parse(kept));
});

test("metrics are signed, or unsigned on a port of loopback", async () => {
  const metricsPort = await freePort();
  const { caller } = await start({ DOCKER_RUNNER_METRICS_PORT: String(metricsPort) });
  await caller.get("/v1/containers/inspect?containerId=x");
  const signed = await caller.get("/metrics");
  const open = await new RunnerCaller({ port: metricsPort, secret: "" }).get("/metrics", { signature: {} });
  for (const { status, text } of [signed, open]) {
    expect(status).toBe(200);
    expect(text).toContain(
      'docker_runner_requests_total{method="GET",route="/v1/containers/inspect",status="503"} 1\n',
    );
    expect(text).toContain('docker_runner_refusals_total{code="docker_unavailable"} 1\n');
  }
  const other = await new RunnerCaller({ port: metricsPort, secret: "" }).get("/v1/health", { signature: {} });
  expect(other.status).toBe(404);
});

/** An engine whose inspect answers when the test says so. */
async function holdingEngine() {
  const directory = await temporaryDirectory();
  const waiting: (() => void)[] = [];
  const docker = await serveFakeDocker(directory.file("d.sock"), (request, response) => {
    if (request.url?.includes("/containers/json")) {
      response.writeHead(200, { "Content-Type": "application/json" }).end("[]"); // The sweeper asks for its own.
      return;
    }
    if (request.url?.includes("/events")) {
      response.writeHead(200).flushHeaders();
      return;
    }
    waiting.push(() => {
      const Labels = { "ai.stigmer.runner": "me" };
      const document = { Id: ID, Name: "/x", Config: { Labels }, State: { Running: true } };
      response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(document));
    });
  });
  return {
    waiting,
    settings: { DOCKER_SOCKET: docker.socketPath, DOCKER_RUNNER_ID: "me" },
    file: directory.file,
    async [Symbol.asyncDispose]() {
      await docker[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

const INSPECT = "/v1/containers/inspect?containerId=x";

test("beyond the policy's concurrency.requests calls get 429 with Retry-After, the others finish, and room returns", async () => {
  await using engine = await holdingEngine();
  const policy = engine.file("policy.json");
  writeFileSync(policy, JSON.stringify({ concurrency: { requests: 3, streams: 1 } }));
  const { caller } = await start({ ...engine.settings, DOCKER_RUNNER_POLICY: policy });
  const running = [1, 2, 3].map(() => caller.get(INSPECT));
  await expect.poll(() => engine.waiting.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(3);
  const beyond = await caller.get(INSPECT);
  expect(beyond).toMatchObject({ status: 429, json: { error: { code: "too_many_requests", retryable: true } } });
  expect(Number(beyond.headers["retry-after"])).toBeGreaterThan(0);
  expect((await caller.get("/v1/health", { signature: {} })).status).toBe(200);
  const stream = await caller.stream("/v1/events/sse"); // Streams have room of their own.
  expect((await caller.get("/v1/events/sse")).status).toBe(429);
  const socket = caller.webSocket("/v1/exec/interactive/ws?containerId=x&command=true");
  expect(await socket.ended).toEqual({ code: 1011 });
  expect(socket.frames).toMatchObject([{ type: "error", error: { code: "too_many_requests", retryable: true } }]);
  for (const answer of engine.waiting.splice(0)) answer();
  expect((await Promise.all(running)).map(({ status }) => status)).toEqual([200, 200, 200]);
  const again = caller.get(INSPECT);
  await expect.poll(() => engine.waiting.length, { timeout: 20_000 }).toBeGreaterThan(0);
  for (const answer of engine.waiting.splice(0)) answer();
  expect((await again).status).toBe(200);
  stream.close();
  await expect.poll(async () => (await caller.open("GET", "/v1/events/sse")).statusCode, { timeout: 20_000 }).toBe(200);
});

test("SIGTERM lets a running call finish, ends open streams, and the service exits within 12 s", async () => {
  await using engine = await holdingEngine();
  const { caller, child, exit, port } = await start(engine.settings);
  const stream = await caller.stream("/v1/events/sse");
  const running = caller.get(INSPECT);
  await expect.poll(() => engine.waiting.length, { timeout: 20_000 }).toBeGreaterThan(0);
  child.kill("SIGTERM");
  expect(await stream.all()).toEqual([{ type: "error", message: expect.stringContaining("shutting down") }]);
  await expect(new RunnerCaller({ port, secret: SECRET }).get("/v1/health")).rejects.toThrow("ECONNREFUSED");
  for (const answer of engine.waiting.splice(0)) answer();
  expect((await running).status).toBe(200);
  expect(await exit).toEqual({ code: 0, signal: null });
});

test("SIGTERM does not wait longer than 12 s for a call that does not end", { timeout: 60_000 }, async () => {
  await using engine = await holdingEngine();
  const { caller, child, exit } = await start(engine.settings);
  const running = caller.get(INSPECT).catch(() => null);
  await expect.poll(() => engine.waiting.length, { timeout: 20_000 }).toBeGreaterThan(0);
  const startedAtMs = performance.now();
  child.kill("SIGTERM");
  expect(await exit).toEqual({ code: 0, signal: null });
  expect(performance.now() - startedAtMs).toBeLessThan(15_000); // 12 s, and what a loaded machine adds.
  await running;
});

test("a timestamp from before the process started is refused, so a restart opens no replay", async () => {
  const timestampMs = Date.now();
  const signature = signedHeaders({ method: "GET", url: "/openapi.json", secret: SECRET, timestampMs });
  const first = await start();
  expect(await first.caller.get("/openapi.json", { signature })).toMatchObject({
    status: 401,
    json: { error: { code: "timestamp_out_of_range" } },
  });
  expect((await first.caller.get("/openapi.json")).status).toBe(200);
});

test("secrets in container env, exec env, URLs and headers appear nowhere in the service's log; calls are audited in one line each", async () => {
  const { caller, output } = await start({ DOCKER_RUNNER_LOG_LEVEL: "trace" });
  await caller.post("/v1/containers/start", { image: "app", env: { KEY: "hidden-1" }, name: "box" });
  await caller.post("/v1/exec/run", { containerId: "box-2", command: "hidden-2", options: { env: ["K=hidden-3"] } });
  await caller.get("/v1/containers/inspect?containerId=box-3&token=hidden-4", {
    headers: { authorization: "hidden-5" },
  });
  await caller.get("/v1/nothing/here?hidden-6");
  await caller.post("/v1/exec/run", { containerId: "box-4", command: "x", options: { unknown: "hidden-7" } });
  const query = new URLSearchParams({ containerId: "box-5", command: "hidden-8", env: '{"K":"hidden-9"}' });
  await caller.webSocket(`/v1/exec/interactive/ws?${query}`).ended;
  await caller.get("/v1/containers/labels?containerId=box-6", { signature: { "x-dr-signature": "hidden-10" } });
  const audited = () =>
    output()
      .split("\n")
      .filter((line) => line.includes('"method"'))
      .map((line) => JSON.parse(line));
  await expect.poll(() => audited().length, { timeout: 20_000 }).toBe(7);
  expect(output()).not.toContain("hidden-");
  expect(output()).not.toContain(SECRET);
  expect(audited().map(({ containerId, method, path, status }) => [method, path, status, containerId])).toEqual([
    ["POST", "/v1/containers/start", 403, null],
    ["POST", "/v1/exec/run", 503, "box-2"],
    ["GET", "/v1/containers/inspect", 400, "box-3"],
    ["GET", "/v1/nothing/here", 404, null],
    ["POST", "/v1/exec/run", 400, "box-4"],
    ["GET", "/v1/exec/interactive/ws", 101, "box-5"],
    ["GET", "/v1/containers/labels", 401, "box-6"],
  ]);
});
