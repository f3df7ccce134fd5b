import { createHash, createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { DockerRunnerRequestError } from "../../../src/docker-runner/client/request-error.ts";
import { beginStream, FakeDockerRunner, type Received, refuse, SECRET } from "../../support/fake-docker-runner.ts";
import { freePort } from "../../support/free-port.ts";

/** By the words of the contract, and with none of the client's code. */
function signatureOf({ body, headers, method, url }: Received): string {
  const bodyHash = createHash("sha256").update(body).digest("base64");
  const text = `${method}\n${url}\n${headers["x-dr-timestamp"]}\n${headers["x-dr-nonce"]}\n${bodyHash}`;
  return createHmac("sha256", SECRET).update(text).digest("base64");
}

async function failure(promise: Promise<unknown>): Promise<DockerRunnerRequestError> {
  const error = await promise.then(
    () => new Error("it succeeded"),
    (reason: unknown) => reason,
  );
  if (error instanceof DockerRunnerRequestError) return error;
  throw error;
}

describe("a signature", () => {
  test("covers method, path with query as sent, time, nonce and the bytes of the body", async () => {
    await using fake = await FakeDockerRunner.open();
    const client = fake.client();
    await client.inspect("a b/ü&c");
    await client.findByLabels({ labels: { owner: "grüße" } });
    await client.putArchive({ containerId: "c", path: "/srv", tar: Buffer.from([0, 255, 10, 13]) });
    expect(fake.received.map(({ url }) => url)).toEqual([
      "/v1/containers/inspect?containerId=a+b%2F%C3%BC%26c",
      "/v1/containers/findByLabels",
      "/v1/containers/putArchive?containerId=c&path=%2Fsrv",
    ]);
    for (const request of fake.received) {
      expect(request.headers["x-dr-signature"]).toBe(signatureOf(request));
      expect(request.headers["x-dr-nonce"]).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      expect(Math.abs(Number(request.headers["x-dr-timestamp"]) - Date.now())).toBeLessThan(60_000);
    }
    expect(fake.received[2]?.body).toEqual(Buffer.from([0, 255, 10, 13]));
  });

  test("covers the folder that a proxy serves it below", async () => {
    await using fake = await FakeDockerRunner.open();
    await fake.client({ baseUrl: `${fake.url}/runner/` }).health();
    expect(fake.received[0]?.url).toBe("/runner/v1/health");
    expect(fake.received[0]?.headers["x-dr-signature"]).toBe(signatureOf(fake.received[0] as Received));
  });

  test("is made anew for every attempt", async () => {
    await using fake = await FakeDockerRunner.open((_request, response) => {
      if (fake.received.length < 3) refuse(response, 503, { code: "docker_unavailable", retryable: true });
      else response.end('{"labels":{}}');
    });
    expect(await fake.client().labels("c")).toEqual({});
    expect(fake.received).toHaveLength(3);
    expect(new Set(fake.received.map(({ headers }) => headers["x-dr-nonce"])).size).toBe(3);
    for (const request of fake.received) expect(request.headers["x-dr-signature"]).toBe(signatureOf(request));
  });
});

describe("a repetition", () => {
  test("is made at most maxRetries times", async () => {
    await using fake = await FakeDockerRunner.open((_request, response) =>
      refuse(response, 503, { code: "docker_unavailable", retryable: true }),
    );
    expect(await failure(fake.client({ maxRetries: 1 }).touch("c"))).toMatchObject({
      statusCode: 503,
      errorCode: "docker_unavailable",
      retryable: true,
    });
    expect(fake.received).toHaveLength(2);
  });

  test("is not made after an answer that will not change", async () => {
    await using fake = await FakeDockerRunner.open((_request, response) =>
      refuse(response, 404, { code: "container_not_found", retryable: false }),
    );
    expect(await failure(fake.client().inspect("c"))).toMatchObject({ statusCode: 404, retryable: false });
    expect(fake.received).toHaveLength(1);
  });

  test("is not made of an exec, which may have run", async () => {
    await using fake = await FakeDockerRunner.open((_request, response) => {
      response.destroy();
    });
    const error = await failure(fake.client().exec({ containerId: "c", command: "rm -rf /srv/old" }));
    expect(error).toMatchObject({ statusCode: 0, errorCode: "network_error", retryable: true });
    expect(fake.received).toHaveLength(1);
  });

  test("of a start carries the key of the first attempt", async () => {
    await using fake = await FakeDockerRunner.open((_request, response) => {
      if (starts(fake).length < 2) response.destroy();
      else response.end('{"containerId":"c","status":"running"}');
    });
    const client = fake.client();
    expect(await client.start({ image: "busybox" })).toEqual({ containerId: "c", status: "running" });
    const keys = starts(fake).map(({ headers }) => headers["idempotency-key"]);
    expect([keys.length, new Set(keys).size, keys[0]]).toEqual([2, 1, expect.stringMatching(/.{16}/)]);
    await client.start({ image: "busybox" }, { idempotencyKey: "mine" });
    expect(starts(fake).at(-1)?.headers["idempotency-key"]).toBe("mine");
  });

  test("waits as long as the service asks for", async () => {
    const times: number[] = [];
    await using fake = await FakeDockerRunner.open((_request, response) => {
      times.push(performance.now());
      if (times.length === 1) {
        refuse(response, 429, { code: "too_many_requests", retryable: true }, { "retry-after": "1" });
      } else response.end("{}");
    });
    await fake.client().health();
    const [first = 0, second = 0] = times;
    expect(second - first).toBeGreaterThanOrEqual(990);
  });

  test("ends with the caller's signal", async () => {
    const caller = new AbortController();
    await using fake = await FakeDockerRunner.open((_request, response) => {
      refuse(response, 503, { code: "docker_unavailable", retryable: true });
      caller.abort(new Error("the caller left"));
    });
    await expect(fake.client({ maxRetries: 100 }).ready({ signal: caller.signal })).rejects.toThrow("the caller left");
  });
});

function starts({ received }: FakeDockerRunner): Received[] {
  return received.filter(({ url }) => url === "/v1/containers/start");
}

describe("a failure", () => {
  test("keeps what the service says of it, the output of an exec that timed out included", async () => {
    const details = { stdout: "so far", stderr: "", killed: true };
    await using fake = await FakeDockerRunner.open((_request, response) =>
      refuse(response, 408, { code: "exec_timeout", retryable: false, details }),
    );
    const error = await failure(
      fake.client().exec({ containerId: "c", command: ["sleep", "9"], options: { timeoutMs: 1 } }),
    );
    expect(error).toMatchObject({ statusCode: 408, errorCode: "exec_timeout", retryable: false, details });
    expect(error.message).toBe("refused with exec_timeout");
  });

  test("of something else that listens there is told by its status", async () => {
    await using fake = await FakeDockerRunner.open((_request, response) => {
      response.writeHead(502).end("<html>Bad gateway</html>");
    });
    expect(await failure(fake.client({ maxRetries: 0 }).health())).toMatchObject({
      statusCode: 502,
      errorCode: "http_502",
      retryable: true,
    });
  });

  test("of the network has status 0", async () => {
    const port = await freePort();
    await using fake = await FakeDockerRunner.open();
    const client = fake.client({ baseUrl: `http://127.0.0.1:${port}`, maxRetries: 0 });
    expect(await failure(client.health())).toMatchObject({
      statusCode: 0,
      errorCode: "network_error",
      retryable: true,
    });
  });
});

describe("the deadline", () => {
  test("of an ordinary call is requestTimeoutMs for each attempt", async () => {
    await using fake = await FakeDockerRunner.open(() => {});
    const error = await failure(fake.client({ requestTimeoutMs: 100, maxRetries: 1 }).health());
    expect(error).toMatchObject({ errorCode: "network_error", message: expect.stringContaining("100 ms") });
  });

  test("covers an answer that stops in the middle", async () => {
    await using fake = await FakeDockerRunner.open((_request, response) => {
      response.write('{"labels":');
    });
    const error = await failure(fake.client({ requestTimeoutMs: 200, maxRetries: 0 }).labels("c"));
    expect(error).toMatchObject({ statusCode: 0, errorCode: "network_error" });
  });

  test("of an exec is never shorter than the exec's own, and none where it has none", async () => {
    await using fake = await FakeDockerRunner.open((_request, response) => {
      // Well after what an ordinary call may take.
      setTimeout(() => response.end('{"stdout":"ok","stderr":"","exitCode":0}'), 400);
    });
    const client = fake.client({ requestTimeoutMs: 50 });
    const exec = { containerId: "c", command: "make" };
    expect(await client.exec(exec)).toEqual({ stdout: "ok", stderr: "", exitCode: 0 });
    expect(await client.exec({ ...exec, options: { timeoutMs: 100 } })).toMatchObject({ exitCode: 0 });
  });

  test("of a pull is renewed by its progress: an image may take longer than any call", async () => {
    await using fake = await FakeDockerRunner.open(({ url }, response) => {
      if (url === "/v1/images/ensure") {
        setTimeout(() => response.writeHead(204).end(), 4_500);
        return;
      }
      const send = beginStream(response);
      const timer = setInterval(() => send({ type: "progress", message: "layer" }), 200);
      response.once("close", () => clearInterval(timer));
    });
    await fake.client({ requestTimeoutMs: 2_000 }).ensureImage({ image: "busybox", platform: "linux/arm64" });
    expect(fake.received.map(({ method, url }) => `${method} ${url}`)).toEqual([
      "POST /v1/images/ensure",
      "GET /v1/images/ensure/sse?image=busybox&platform=linux%2Farm64",
    ]);
  });

  test("of a pull that stands still is that of any call: heartbeats are no progress", async () => {
    await using fake = await FakeDockerRunner.open(({ url }, response) => {
      if (url === "/v1/containers/start") return;
      beginStream(response);
      const timer = setInterval(() => response.write(": heartbeat\n\n"), 100);
      response.once("close", () => clearInterval(timer));
    });
    const client = fake.client({ requestTimeoutMs: 1_000, maxRetries: 0 });
    const error = await failure(client.start({ image: "busybox" }));
    expect(error).toMatchObject({
      errorCode: "network_error",
      message: expect.stringContaining("the pull of busybox"),
    });
  });

  test("of a pull that fails is the service's to say, and is said once", async () => {
    await using fake = await FakeDockerRunner.open(({ url }, response) => {
      if (url === "/v1/images/ensure") refuse(response, 404, { code: "image_not_found", retryable: false });
      else response.end();
    });
    const error = await failure(fake.client().ensureImage({ image: "nothing" }));
    expect(error).toMatchObject({ statusCode: 404, errorCode: "image_not_found" });
    expect(fake.received).toHaveLength(1);
  });
});
