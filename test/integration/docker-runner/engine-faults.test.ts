import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { LABEL } from "../../../src/docker/labels.ts";
import type { RunnerCaller } from "../../support/docker-runner-client.ts";
import { type RunnerRig, startRunner } from "../../support/docker-runner-rig.ts";
import { type FakeDocker, leaveStaleSocket, serveFakeDocker, serveSocket } from "../../support/fake-docker.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const ID = "a".repeat(64);
const RUNNER = "the-runner";

/** Every call that needs the engine, with what makes it valid. */
const CALLS: [string, (caller: RunnerCaller) => Promise<{ status: number; json: object; headers: object }>][] = [
  ["ready", (caller) => caller.get("/v1/ready", { signature: {} })],
  ["ensure", (caller) => caller.post("/v1/images/ensure", { image: "app" })],
  ["ensure/sse", (caller) => caller.get("/v1/images/ensure/sse?image=app")],
  ["start", (caller) => caller.post("/v1/containers/start", { image: "app" })],
  ["stop", (caller) => caller.post("/v1/containers/stop", { containerId: "x" })],
  ["remove", (caller) => caller.post("/v1/containers/remove", { containerId: "x" })],
  ["inspect", (caller) => caller.get("/v1/containers/inspect?containerId=x")],
  ["labels", (caller) => caller.get("/v1/containers/labels?containerId=x")],
  ["networks", (caller) => caller.get("/v1/containers/networks?containerId=x")],
  ["findByLabels", (caller) => caller.post("/v1/containers/findByLabels", { labels: { a: "b" } })],
  ["listByVolume", (caller) => caller.get("/v1/containers/listByVolume?volumeName=v")],
  ["touch", (caller) => caller.post("/v1/containers/touch", { containerId: "x" })],
  [
    "putArchive",
    (caller) => caller.post("/v1/containers/putArchive", { containerId: "x", path: "/", payloadBase64: "" }),
  ],
  ["logs", (caller) => caller.get("/v1/containers/logs/sse?containerId=x")],
  ["volumes/remove", (caller) => caller.post("/v1/volumes/remove", { volumeName: "v" })],
  ["exec/run", (caller) => caller.post("/v1/exec/run", { containerId: "x", command: "true" })],
  ["exec/resize", (caller) => caller.post("/v1/exec/resize", { execId: ID, size: { cols: 1, rows: 1 } })],
  ["events", (caller) => caller.get("/v1/events/sse")],
];

const relaxed = { images: ["app"], volumes: ["v"] };

describe("with no daemon behind the socket everything is 503 docker_unavailable and retryable, never 404 or 204", () => {
  test.each(["absent", "stale"])("the socket is %s", async (kind) => {
    await using directory = await temporaryDirectory();
    const socketPath = directory.file("d.sock");
    if (kind === "stale") await leaveStaleSocket(socketPath);
    await using rig = await startRunner({ socketPath, relaxed });
    for (const [name, call] of CALLS) {
      const { headers, json, status } = await call(rig.caller);
      expect([name, status, json]).toMatchObject([
        name,
        503,
        { error: { code: "docker_unavailable", retryable: true } },
      ]);
      expect(headers).toHaveProperty("retry-after");
    }
    const socket = rig.caller.webSocket("/v1/exec/interactive/ws?containerId=x&command=true");
    expect(await socket.ended).toEqual({ code: 1011 });
    expect(socket.frames).toEqual([
      { type: "error", error: expect.objectContaining({ code: "docker_unavailable", retryable: true }) },
    ]);
  });
});

test("a daemon that accepts and never answers makes ready and inspect 503 within 15 s", {
  timeout: 60_000,
}, async () => {
  await using directory = await temporaryDirectory();
  await using _mute = await serveSocket(directory.file("d.sock"), () => {});
  await using rig = await startRunner({ socketPath: directory.file("d.sock"), relaxed });
  const startedAtMs = performance.now();
  const answers = await Promise.all(CALLS.map(async ([name, call]) => ({ name, ...(await call(rig.caller)) })));
  for (const { json, name, status } of answers) {
    expect([name, status, json]).toMatchObject([name, 503, { error: { code: "docker_unavailable", retryable: true } }]);
  }
  expect(performance.now() - startedAtMs).toBeLessThan(15_000);
  expect((await rig.caller.get("/v1/health", { signature: {} })).status).toBe(200);
});

test("a daemon that answers the first calls and hangs later is told as well", { timeout: 60_000 }, async () => {
  await using rig = await openFake((request, response) => {
    if (request.url?.includes("/json")) answerContainer(response);
  });
  const startedAtMs = performance.now();
  const answers = await Promise.all([
    rig.caller.post("/v1/containers/remove", { containerId: ID, force: true }),
    rig.caller.get(`/v1/containers/logs/sse?containerId=${ID}`),
    rig.caller.post("/v1/exec/run", { containerId: ID, command: "true" }),
  ]);
  for (const answer of answers) {
    expect(answer).toMatchObject({ status: 503, json: { error: { code: "docker_unavailable" } } });
  }
  expect(performance.now() - startedAtMs).toBeLessThan(20_000);
});

test("an engine that comes back is used again", async () => {
  await using directory = await temporaryDirectory();
  await using rig = await startRunner({ socketPath: directory.file("d.sock"), runnerId: RUNNER });
  const ask = () => rig.caller.get(`/v1/containers/labels?containerId=${ID}`);
  expect((await ask()).status).toBe(503);
  for (let life = 0; life < 3; life += 1) {
    await using _docker = await serveFakeDocker(directory.file("d.sock"), (_request, response) =>
      answerContainer(response),
    );
    expect((await ask()).status).toBe(200);
    expect((await ask()).status).toBe(200);
  }
  expect((await ask()).status).toBe(503);
});

test("events are passed on exactly once however they are cut, a bad line is told, and the last one needs no newline", async () => {
  const events = Array.from({ length: 20 }, (_, index) => ({ Action: "start", number: index, text: "é€😀" }));
  const lines = events.map((event) => JSON.stringify(event));
  lines.splice(10, 0, "{broken");
  const bytes = Buffer.from(lines.join("\n"));
  await using rig = await openFake(async (_request, response) => {
    response.writeHead(200);
    for (let start = 0; start < bytes.length; start += 7) {
      response.write(bytes.subarray(start, start + 7));
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  });
  const stream = await rig.caller.stream("/v1/events/sse");
  const frames = await stream.all();
  expect(frames.filter(({ type }) => type === "event").map(({ event }) => event)).toEqual(events);
  expect(frames.filter(({ type }) => type === "error")).toEqual([
    { type: "error", message: "a line of the engine's was no JSON", skipped: true },
  ]);
  expect(frames[10]).toMatchObject({ type: "error" });
  expect(frames.at(-1)).toEqual({ type: "end" });
});

test("a stream whose engine dies ends with an error frame", async () => {
  await using rig = await openFake((request, response) => {
    if (request.url?.includes("/json")) return answerContainer(response);
    response.writeHead(200);
    response.write("first");
  });
  const stream = await rig.caller.stream(`/v1/containers/logs/sse?containerId=${ID}`);
  expect(await stream.next()).toEqual({ type: "chunk", data: Buffer.from("first").toString("base64") });
  await rig.docker.crash();
  expect(await stream.next()).toMatchObject({ type: "error", message: expect.any(String) });
  expect(await stream.next()).toBeNull();
});

test("a start whose container does not start removes it, and says the engine's reason", async () => {
  const calls: string[] = [];
  await using rig = await openFake((request, response) => {
    calls.push(`${request.method} ${request.url?.replace(/^\/v1\.\d+/, "").split("?")[0]}`);
    if (request.url?.includes("/images/")) return answer(response, 200, { Id: "sha256:x", Config: null });
    if (request.url?.includes("/info")) return answer(response, 200, { NCPU: 2 });
    if (request.url?.includes("/create")) return answer(response, 201, { Id: ID });
    if (request.url?.includes("/start")) return answer(response, 500, { message: "no room" });
    return answer(response, 204, undefined);
  });
  expect(await rig.caller.post("/v1/containers/start", { image: "app" })).toMatchObject({
    status: 500,
    json: { error: { code: "docker_error", message: "no room", retryable: true } },
  });
  expect(calls).toContain(`DELETE /containers/${ID}`);
});

test("one pull serves all who ask at once, and its failure all of them", async () => {
  let pulls = 0;
  let finish = () => {};
  await using rig = await openFake((request, response) => {
    if (request.url?.includes("/images/app")) return answer(response, 404, { message: "No such image" });
    if (!request.url?.includes("/images/create")) return answer(response, 404, { message: "page not found" });
    pulls += 1;
    response.writeHead(200);
    response.write('{"status":"Pulling"}\n');
    finish = () => response.end('{"error":"manifest for app:latest not found: manifest unknown"}\n');
  });
  const stream = await rig.caller.stream("/v1/images/ensure/sse?image=app");
  const asked = [1, 2, 3].map(() => rig.caller.post("/v1/images/ensure", { image: "app" }));
  const started = rig.caller.post("/v1/containers/start", { image: "app" });
  expect(await stream.next()).toEqual({ type: "progress", message: "Pulling" });
  await expect.poll(() => rig.service.concurrency.running("request")).toBe(4);
  await expect.poll(() => rig.docker.requests.filter((one) => one.includes("/images/app")).length).toBe(5);
  finish();
  for (const { json, status } of await Promise.all(asked)) {
    expect([status, json]).toMatchObject([404, { error: { code: "image_not_found", retryable: false } }]);
  }
  expect((await started).status).toBeGreaterThanOrEqual(404);
  expect((await stream.all()).at(-1)).toMatchObject({ type: "error" });
  expect(pulls).toBe(1);
});

interface FakeRig extends RunnerRig {
  docker: FakeDocker;
}

async function openFake(answerRequest: (request: IncomingMessage, response: ServerResponse) => void): Promise<FakeRig> {
  const directory = await temporaryDirectory();
  const docker = await serveFakeDocker(directory.file("d.sock"), (request, response) => {
    if (request.url?.endsWith("/info")) answer(response, 200, { NCPU: 2 });
    else answerRequest(request, response);
  });
  const rig = await startRunner({ socketPath: docker.socketPath, relaxed, runnerId: RUNNER });
  return {
    ...rig,
    docker,
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]();
      await docker[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

function answer(response: ServerResponse, status: number, body: object | undefined): void {
  response.writeHead(status, { "Content-Type": "application/json" }).end(body && JSON.stringify(body));
}

function answerContainer(response: ServerResponse): void {
  answer(response, 200, {
    Id: ID,
    Name: "/x",
    Config: { Labels: { [LABEL.runner]: RUNNER }, Tty: true },
    State: { Running: true },
  });
}
