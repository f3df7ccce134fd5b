import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NonceStore } from "../../../src/docker-runner/auth/nonce-store.ts";
import { RunnerCaller, signedHeaders } from "../../support/docker-runner-client.ts";
import { type RunnerRig, startRunner, TEST_SECRET } from "../../support/docker-runner-rig.ts";
import { type FakeDocker, serveFakeDocker } from "../../support/fake-docker.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const PREVIOUS = "the secret before this one";
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let docker: FakeDocker;
let rig: RunnerRig;

beforeAll(async () => {
  directory = await temporaryDirectory();
  docker = await serveFakeDocker(directory.file("d.sock"), (_request, response) => {
    response.writeHead(200, { "Content-Type": "application/json" }).end("[]");
  });
  rig = await startRunner({ socketPath: docker.socketPath, secrets: [TEST_SECRET, PREVIOUS] });
});

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await docker[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

const FIND = "/v1/containers/findByLabels";
const BODY = '{"labels":{"a":"b"}}';

/** Sends bytes over a socket and reads until the other side closes it, or until `enough` is satisfied. */
function exchange(bytes: string | Buffer, enough: (text: string) => boolean = () => false): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(rig.port, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
      if (enough(text)) socket.destroy();
    });
    socket.on("error", reject).on("close", () => resolve(text));
    socket.write(bytes);
  });
}

function isWhole(text: string): boolean {
  return text.includes('"retryable"');
}

test("the five authentication failures come in the documented order, 401 and not retryable", async () => {
  const url = "/v1/containers/inspect?containerId=x";
  const used = signedHeaders({ method: "GET", url, secret: TEST_SECRET });
  await rig.caller.get(url, { signature: used });
  const fresh = () => signedHeaders({ method: "GET", url, secret: "some other secret" });
  const { "x-dr-nonce": _, ...nonceless } = used;
  const attempts: [Record<string, string>, string][] = [
    [{}, "missing_headers"],
    [{ ...nonceless, "x-dr-timestamp": "never" }, "missing_headers"],
    [{ ...used, "x-dr-timestamp": "never" }, "invalid_timestamp"],
    [{ ...used, "x-dr-timestamp": String(Date.now() - 3_600_000) }, "timestamp_out_of_range"],
    [{ ...used, "x-dr-timestamp": String(Date.now() + 3_600_000) }, "timestamp_out_of_range"],
    [{ ...used, "x-dr-signature": "wrong" }, "replayed_nonce"],
    [fresh(), "invalid_signature"],
  ];
  for (const [signature, code] of attempts) {
    const answer = await rig.caller.get(url, { signature });
    expect(answer).toMatchObject({
      status: 401,
      json: { error: { code, retryable: false, message: expect.any(String) } },
    });
  }
});

test("a request sent twice is refused the second time; a forged request burns nobody's nonce", async () => {
  const headers = signedHeaders({ method: "POST", url: FIND, body: BODY, secret: TEST_SECRET });
  const forged = { ...headers, "x-dr-signature": "A".repeat(43).concat("=") };
  expect((await rig.caller.send("POST", FIND, BODY, { signature: forged })).status).toBe(401);
  expect((await rig.caller.send("POST", FIND, BODY, { signature: headers })).status).toBe(200);
  const second = await rig.caller.send("POST", FIND, BODY, { signature: headers });
  expect(second).toMatchObject({ status: 401, json: { error: { code: "replayed_nonce" } } });
});

test("of two requests with one nonce at once, one is served", async () => {
  const signature = signedHeaders({ method: "POST", url: FIND, body: BODY, secret: TEST_SECRET });
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => rig.caller.send("POST", FIND, BODY, { signature })),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(401)]);
});

test("signatures of any other length or alphabet are 401, never 500", async () => {
  for (const signature of ["A", "=", "A".repeat(8_000), "ÿ".repeat(44), "!".repeat(44), "%00", "0".repeat(64)]) {
    const headers = {
      ...signedHeaders({ method: "GET", url: "/metrics", secret: TEST_SECRET }),
      "x-dr-signature": signature,
    };
    const answer = await rig.caller.get("/metrics", { signature: headers });
    expect(answer).toMatchObject({ status: 401, json: { error: { code: "invalid_signature" } } });
  }
});

test("headers that are too long are 401 as well, and what is no HTTP is told in the same form", async () => {
  const tooLong = {
    ...signedHeaders({ method: "GET", url: "/metrics", secret: TEST_SECRET }),
    "x-dr-signature": "A".repeat(100_000),
  };
  expect(await rig.caller.get("/metrics", { signature: tooLong })).toMatchObject({
    status: 401,
    json: { error: { code: "invalid_signature", retryable: false } },
  });
  expect(await exchange("this is no HTTP\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 .*validation_error/s);
});

test("the signature covers the raw body bytes: other bytes of the same JSON fail, odd spacing and key order signed as sent pass", async () => {
  const odd = '{ "all" :true,\n"labels":{"b":"c" , "a":"é"} }\n';
  expect((await rig.caller.send("POST", FIND, odd)).status).toBe(200);
  const signature = signedHeaders({ method: "POST", url: FIND, body: odd, secret: TEST_SECRET });
  const same = JSON.stringify(JSON.parse(odd));
  expect(await rig.caller.send("POST", FIND, same, { signature })).toMatchObject({
    status: 401,
    json: { error: { code: "invalid_signature" } },
  });
});

test("method, path and query are covered as they were sent", async () => {
  const url = "/v1/containers/inspect?containerId=a%62c";
  expect((await rig.caller.get(url)).status).not.toBe(401);
  for (const [method, other] of [
    ["GET", "/v1/containers/inspect?containerId=abc"],
    ["GET", "/v1/containers/inspect?containerId=a%62c&"],
    ["HEAD", url],
    ["DELETE", url],
  ] as const) {
    const signature = signedHeaders({ method: "GET", url, secret: TEST_SECRET });
    expect((await rig.caller.send(method, other, "", { signature })).status).toBe(401);
  }
});

test("unknown paths, other methods, /openapi.json and look-alikes of the two open routes all need authentication", async () => {
  const requests: [string, string][] = [
    ["GET", "/"],
    ["GET", "/v1/nothing"],
    ["GET", "/openapi.json"],
    ["GET", "/metrics"],
    ["POST", "/v1/health"],
    ["HEAD", "/v1/health"],
    ["OPTIONS", "/v1/health"],
    ["DELETE", "/v1/ready"],
    ["GET", "/v1/health/"],
    ["GET", "/v1/healthz"],
    ["GET", "/V1/health"],
    ["GET", "//v1/health"],
    ["GET", "/v1//health"],
    ["GET", "/v1/./health"],
    ["GET", "/v1/health?x=1"],
    ["GET", "/v1/health;x"],
    ["GET", "/v1/health%00"],
    ["GET", "/v1/%68ealth"],
    ["GET", "/v1/health/../containers/inspect?containerId=x"],
    ["GET", "/v1/%E0%A4%A"],
    ["GET", "/%"],
    ["PROPFIND", "/v1/health"],
  ];
  for (const [method, url] of requests) {
    const { status } = await rig.caller.send(method, url, "", { signature: {} });
    expect(`${method} ${url} ${status}`).toBe(`${method} ${url} 401`);
  }
  await expect.poll(() => rig.log().includes('"path":"/v1/%E0%A4%A"'), { timeout: 10_000 }).toBe(true);
  expect((await rig.caller.get("/v1/health", { signature: {} })).json).toEqual({ status: "ok" });
  expect((await rig.caller.get("/v1/ready", { signature: {} })).json).toEqual({ status: "ready" });
  expect(await rig.caller.get("/v1/nothing")).toMatchObject({ status: 404, json: { error: { code: "not_found" } } });
  expect(await rig.caller.get("/v1/%E0%A4%A")).toMatchObject({
    status: 400,
    json: { error: { code: "validation_error" } },
  });
});

test("an absolute address does not open a route", async () => {
  const answer = await exchange(
    "GET http://127.0.0.1/v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    isWhole,
  );
  expect(answer).toMatch(/^HTTP\/1\.1 401 /);
});

test("an unsigned, forged or replayed WebSocket upgrade is answered 401, never 101", async () => {
  const url = "/v1/exec/interactive/ws?containerId=x&command=true";
  const forged = signedHeaders({ method: "GET", url, secret: "some other secret" });
  const used = signedHeaders({ method: "GET", url, secret: TEST_SECRET });
  await rig.caller.webSocket(url, used).ended;
  for (const [signature, code] of [
    [{}, "missing_headers"],
    [forged, "invalid_signature"],
    [used, "replayed_nonce"],
  ] as const) {
    const { body, status } = await rig.caller.webSocket(url, { ...signature }).ended;
    expect([status, JSON.parse(body ?? "")]).toMatchObject([401, { error: { code, retryable: false } }]);
  }
  for (const other of ["/v1/nothing", "/v1/containers/inspect?containerId=x", "/v1/health/"]) {
    expect((await rig.caller.webSocket(other, {}).ended).status).toBe(401);
  }
});

test("a plain GET on the WebSocket route is 426 upgrade_required", async () => {
  expect(await rig.caller.get("/v1/exec/interactive/ws?containerId=x&command=true")).toMatchObject({
    status: 426,
    json: { error: { code: "upgrade_required", retryable: false } },
  });
});

test("the current and the previous secret are both accepted, and a nonce used under one is used under the other", async () => {
  const nonce = randomUUID();
  const sign = (secret: string) => signedHeaders({ method: "POST", url: FIND, body: BODY, secret, nonce });
  expect((await rig.caller.send("POST", FIND, BODY, { signature: sign(PREVIOUS) })).status).toBe(200);
  expect(await rig.caller.send("POST", FIND, BODY, { signature: sign(TEST_SECRET) })).toMatchObject({
    status: 401,
    json: { error: { code: "replayed_nonce" } },
  });
  const older = new RunnerCaller({ port: rig.port, secret: PREVIOUS });
  expect((await older.send("POST", FIND, BODY)).status).toBe(200);
});

describe("unauthenticated bodies are refused unparsed", () => {
  test("broken JSON", async () => {
    const answer = await rig.caller.send("POST", FIND, "{", { signature: {} });
    expect(answer).toMatchObject({ status: 401, json: { error: { code: "missing_headers" } } });
  });

  test("20 MB, whose sender gets to read the answer", async () => {
    const body = Buffer.alloc(20 * 1024 * 1024, "x");
    for (const signature of [{}, signedHeaders({ method: "POST", url: FIND, secret: TEST_SECRET })]) {
      expect((await rig.caller.send("POST", FIND, body, { signature })).status).toBe(401);
    }
  });

  test("one that never comes, answered without waiting", async () => {
    const answer = await exchange(`POST ${FIND} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n`, isWhole);
    expect(answer).toMatch(/^HTTP\/1\.1 401 .*missing_headers/s);
  });

  test("one that never ends, and its connection is closed", async () => {
    const text = await new Promise<string>((resolve) => {
      const socket = connect(rig.port, "127.0.0.1");
      let received = "";
      const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
      const pour = () => {
        while (socket.writable && socket.write(chunk)) {
          // As fast as the other side takes it.
        }
      };
      socket.on("data", (bytes) => (received += bytes)).on("drain", pour);
      socket.on("error", () => {}).on("close", () => resolve(received));
      const headers = { ...signedHeaders({ method: "POST", url: FIND, secret: TEST_SECRET }), host: "x" };
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(`POST ${FIND} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n${lines.join("")}\r\n`);
      pour();
    });
    expect(text).toMatch(/^HTTP\/1\.1 401 .*invalid_signature/s);
  });
});

test("a verified body beyond 64 MiB is 413", async () => {
  const body = Buffer.alloc(65 * 1024 * 1024, " ");
  expect(await rig.caller.send("POST", FIND, body)).toMatchObject({
    status: 413,
    json: { error: { code: "body_too_large", retryable: false } },
  });
});

test("of 1,000 forged requests none is accepted, none makes a 5xx, and good requests go on", async () => {
  const before = rig.service.nonces.size;
  const forge = async (index: number) => {
    const good = signedHeaders({ method: "POST", url: FIND, body: BODY, secret: TEST_SECRET });
    const signature = good["x-dr-signature"];
    const forged = [
      { ...good, "x-dr-signature": signature.slice(0, index % 44) },
      { ...good, "x-dr-signature": signature + "A".repeat(1 + (index % 100)) },
      { ...good, "x-dr-signature": Buffer.from(randomUUID()).toString("base64") },
      { ...good, "x-dr-timestamp": String(Number(good["x-dr-timestamp"]) + 1) },
      { ...good, "x-dr-nonce": randomUUID() },
    ][index % 5];
    return (await rig.caller.send("POST", FIND, BODY, { signature: { ...forged } })).status;
  };
  for (let round = 0; round < 20; round += 1) {
    const statuses = await Promise.all(Array.from({ length: 50 }, (_, index) => forge(50 * round + index)));
    expect(new Set(statuses)).toEqual(new Set([401]));
    expect((await rig.caller.send("POST", FIND, BODY)).status).toBe(200);
  }
  expect(rig.service.nonces.size).toBe(before + 20);
});

test("a full nonce store refuses with 503 and forgets nothing", async () => {
  await using small = await startRunner({ socketPath: docker.socketPath, nonces: new NonceStore(2) });
  const first = signedHeaders({ method: "POST", url: FIND, body: BODY, secret: TEST_SECRET });
  expect((await small.caller.send("POST", FIND, BODY, { signature: first })).status).toBe(200);
  expect((await small.caller.send("POST", FIND, BODY)).status).toBe(200);
  const refused = await small.caller.send("POST", FIND, BODY);
  expect(refused).toMatchObject({ status: 503, json: { error: { code: "nonce_store_full", retryable: true } } });
  expect(refused.headers["retry-after"]).toBe("1");
  expect((await small.caller.send("POST", FIND, BODY, { signature: first })).status).toBe(401);
});

test("other headers, such as an old access key, are ignored", async () => {
  const headers = { "x-dr-access-key": "x", "content-type": "application/json" };
  expect((await rig.caller.send("POST", FIND, BODY, { headers })).status).toBe(200);
});
