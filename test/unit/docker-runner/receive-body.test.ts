import { createHash } from "node:crypto";
import { PassThrough } from "node:stream";
import { expect, test, vi } from "vitest";
import { receiveBody, UnverifiedBytes } from "../../../src/docker-runner/auth/receive-body.ts";

const LIMITS = { maxBytes: 100, maxHashedBytes: 200, idleMs: 60_000 };

/** A request whose body the test writes. */
function createRequest(headers: Record<string, string> = { "transfer-encoding": "chunked" }) {
  const stream = new PassThrough();
  return { stream, request: Object.assign(stream, { headers }) };
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}

test("a body comes with the hash of its bytes", async () => {
  const { request, stream } = createRequest();
  const body = receiveBody(request, new UnverifiedBytes(), LIMITS);
  for (const part of ["one ", "two ", "three"]) stream.write(part);
  stream.end();
  expect(await body).toEqual({ bytes: Buffer.from("one two three"), hash: hash("one two three") });
});

test("a request that announces no body is not read", async () => {
  for (const headers of [{}, { "content-length": "0" }]) {
    const { request } = createRequest({ ...headers });
    expect(await receiveBody(request, new UnverifiedBytes(), LIMITS)).toEqual({
      bytes: Buffer.alloc(0),
      hash: hash(""),
    });
  }
});

test("a body beyond what is kept is hashed, and its bytes are given back", async () => {
  const unverified = new UnverifiedBytes(100);
  const { request, stream } = createRequest();
  const body = receiveBody(request, unverified, LIMITS);
  stream.write("x".repeat(80));
  stream.write("x".repeat(80));
  stream.end();
  expect(await body).toEqual({ bytes: null, hash: hash("x".repeat(160)) });
  expect(unverified.take(100)).toBe(true);
});

test("a body beyond what is hashed is cut off", async () => {
  const { request, stream } = createRequest();
  const body = receiveBody(request, new UnverifiedBytes(), LIMITS);
  stream.write("x".repeat(201));
  await expect(body).rejects.toMatchObject({ statusCode: 401, code: "invalid_signature" });
});

test("a silence in the middle of a body cuts it off, and every byte puts it off", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const { request, stream } = createRequest();
    const body = receiveBody(request, new UnverifiedBytes(), { ...LIMITS, idleMs: 1_000 });
    let isSettled = false;
    body.catch(() => {}).finally(() => (isSettled = true));
    for (let second = 0; second < 5; second += 1) {
      stream.write("x");
      await new Promise((resolve) => setImmediate(resolve));
      vi.advanceTimersByTime(900);
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(isSettled).toBe(false);
    vi.advanceTimersByTime(200);
    await expect(body).rejects.toMatchObject({ statusCode: 401, code: "invalid_signature" });
  } finally {
    vi.useRealTimers();
  }
});

test("a caller that leaves in the middle cuts its body off", async () => {
  const { request, stream } = createRequest();
  const body = receiveBody(request, new UnverifiedBytes(), LIMITS);
  stream.write("x");
  stream.destroy();
  await expect(body).rejects.toMatchObject({ statusCode: 401 });
});

test("the bodies of strangers share a bounded memory", async () => {
  const unverified = new UnverifiedBytes(100);
  const [first, second] = [createRequest(), createRequest()];
  const bodies = [receiveBody(first.request, unverified, LIMITS), receiveBody(second.request, unverified, LIMITS)];
  first.stream.write("x".repeat(60));
  second.stream.write("x".repeat(60));
  await expect(bodies[1]).rejects.toMatchObject({ statusCode: 503, retryable: true });
  first.stream.end();
  expect((await bodies[0])?.bytes?.length).toBe(60);
});
