import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import type { ContainerLogLine } from "../../../src/docker/engine.ts";
import { beginStream, FakeDockerRunner, type Received, refuse } from "../../support/fake-docker-runner.ts";
import { logFrame } from "../../support/log-frame.ts";
import { seededRandom } from "../../support/seeded-random.ts";

/** A log of two lines every 20 ms, some of them out of order, as Docker keeps it. */
const LINES = Array.from({ length: 60 }, (_line, index) => {
  const ms = Math.floor(index / 2) * 20 + (index % 7 === 3 ? -15 : 0);
  return { time: `2026-03-01T12:00:00.${String(100 + ms)}${String(index).padStart(6, "0")}Z`, text: `line ${index}` };
});

function queryOf({ url }: Received): URLSearchParams {
  return new URL(url, "http://host").searchParams;
}

/** What is in the log from the asked time on, as Docker's multiplexed bytes. */
function logBytes(request: Received): Buffer {
  const since = queryOf(request).get("since");
  const wanted = LINES.filter(({ time }) => since === null || Date.parse(time) >= Date.parse(since));
  return Buffer.concat(wanted.map(({ text, time }) => logFrame("stdout", `${time} ${text}\n`)));
}

function answerInspect(request: Received, response: ServerResponse): boolean {
  if (!request.url.startsWith("/v1/containers/inspect")) return false;
  response.end('{"Config":{"Tty":false}}');
  return true;
}

async function textOf(lines: AsyncIterable<ContainerLogLine>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { line } of lines) texts.push(line.toString());
  return texts;
}

describe("a followed log", () => {
  test("is asked for in the words of the contract", async () => {
    await using fake = await FakeDockerRunner.open((request, response) => {
      if (answerInspect(request, response)) return;
      beginStream(response)({ type: "end" });
      response.end();
    });
    const query = { containerId: "c", follow: false, tail: 5, stderr: false, since: "2026-03-01T12:00:00Z" };
    expect(await textOf(fake.client().logs(query))).toEqual([]);
    expect(Object.fromEntries(queryOf(fake.received[1] as Received))).toEqual({
      containerId: "c",
      follow: "false",
      stderr: "false",
      timestamps: "true",
      tail: "5",
      since: "2026-03-01T12:00:00Z",
    });
  });

  test("that is refused is an error and no empty stream", async () => {
    await using fake = await FakeDockerRunner.open((request, response) => {
      if (!answerInspect(request, response)) refuse(response, 404, { code: "container_not_found", retryable: false });
    });
    await expect(textOf(fake.client().logs({ containerId: "c" }))).rejects.toMatchObject({
      statusCode: 404,
      errorCode: "container_not_found",
    });
  });

  test("goes on where the connection broke, however often: no line is lost and none comes twice", async () => {
    const random = seededRandom(7);
    let connections = 0;
    await using fake = await FakeDockerRunner.open((request, response) => {
      if (answerInspect(request, response)) return;
      connections += 1;
      const bytes = logBytes(request);
      const send = beginStream(response);
      const end = connections < 8 ? Math.floor(bytes.length * (0.2 + random() / 2)) : bytes.length;
      for (let at = 0; at < end; ) {
        const size = 1 + Math.floor(random() * 40);
        send({ type: "chunk", data: bytes.subarray(at, Math.min(end, at + size)).toString("base64") });
        at += size;
      }
      if (end === bytes.length) send({ type: "end" });
      response.end();
    });
    expect(await textOf(fake.client().logs({ containerId: "c" }))).toEqual(LINES.map(({ text }) => text));
    expect(connections).toBe(8);
    // Not all of it is read again: only so much as may have come out of order.
    const last = queryOf(fake.received.at(-1) as Received).get("since") ?? "";
    expect(Date.parse(last)).toBeGreaterThan(Date.parse(LINES[0]?.time ?? ""));
  });

  test("outlives a restart of Docker: an error frame, refusals, and the rest", async () => {
    let connections = 0;
    await using fake = await FakeDockerRunner.open((request, response) => {
      if (answerInspect(request, response)) return;
      connections += 1;
      const bytes = logBytes(request);
      if (connections === 2 || connections === 3) {
        refuse(response, 503, { code: "docker_unavailable", retryable: true });
        return;
      }
      const send = beginStream(response);
      const first = connections === 1 ? bytes.subarray(0, 500) : bytes;
      send({ type: "chunk", data: first.toString("base64") });
      send(connections === 1 ? { type: "error", message: "the engine went away" } : { type: "end" });
      response.end();
    });
    const client = fake.client({ maxRetries: 0 });
    expect(await textOf(client.logs({ containerId: "c" }))).toEqual(LINES.map(({ text }) => text));
  });

  test("ends with the error when it is not to be had any more", async () => {
    let connections = 0;
    await using fake = await FakeDockerRunner.open((request, response) => {
      if (answerInspect(request, response)) return;
      connections += 1;
      if (connections > 1) return refuse(response, 404, { code: "container_not_found", retryable: false });
      beginStream(response)({ type: "chunk", data: logBytes(request).toString("base64") });
      response.end();
    });
    const texts: string[] = [];
    await expect(
      (async () => {
        for await (const { line } of fake.client().logs({ containerId: "c" })) texts.push(line.toString());
      })(),
    ).rejects.toMatchObject({ statusCode: 404 });
    expect(texts).toHaveLength(LINES.length);
  });

  test("gives up when it stays broken for too long", async () => {
    await using fake = await FakeDockerRunner.open((request, response) => {
      if (answerInspect(request, response)) return;
      beginStream(response)({ type: "error", message: "the engine went away" });
      response.end();
    });
    const lines = fake.client({ reconnectTimeoutMs: 500 }).logs({ containerId: "c" });
    await expect(textOf(lines)).rejects.toMatchObject({ errorCode: "stream_error", retryable: true });
  });

  test("of a terminal has no frames", async () => {
    await using fake = await FakeDockerRunner.open(({ url }, response) => {
      if (url.startsWith("/v1/containers/inspect")) return response.end('{"Config":{"Tty":true}}');
      const send = beginStream(response);
      const bytes = Buffer.from("2026-03-01T12:00:00.1Z eins\r\n2026-03-01T12:00:00.2Z zwei\r\n");
      send({ type: "chunk", data: bytes.subarray(0, 30).toString("base64") });
      send({ type: "chunk", data: bytes.subarray(30).toString("base64") });
      send({ type: "end" });
      return response.end();
    });
    expect(await textOf(fake.client().logs({ containerId: "c" }))).toEqual(["eins", "zwei"]);
  });

  test("that its reader leaves is closed", async () => {
    let closed: () => void = () => {};
    const whenClosed = new Promise<void>((resolve) => {
      closed = resolve;
    });
    await using fake = await FakeDockerRunner.open((request, response) => {
      if (answerInspect(request, response)) return;
      beginStream(response)({ type: "chunk", data: logBytes(request).toString("base64") });
      response.once("close", closed);
    });
    for await (const { line } of fake.client().logs({ containerId: "c" })) {
      expect(line.toString()).toBe("line 0");
      break;
    }
    await whenClosed;
  });

  test("ends at once when the caller aborts", async () => {
    const caller = new AbortController();
    await using fake = await FakeDockerRunner.open((request, response) => {
      if (answerInspect(request, response)) return;
      beginStream(response);
      caller.abort(new Error("the caller left"));
    });
    await expect(textOf(fake.client().logs({ containerId: "c" }, { signal: caller.signal }))).rejects.toThrow(
      "the caller left",
    );
  });
});

const EVENTS = Array.from({ length: 30 }, (_event, index) => ({
  Type: "container",
  Action: index % 2 === 0 ? "create" : "destroy",
  Actor: { ID: `container-${Math.floor(index / 2)}`, Attributes: {} },
  time: 1_772_366_400,
  timeNano: 1_772_366_400_000_000_000 + Math.floor(index / 3) * 40_000_000,
}));

describe("the stream of events", () => {
  test("goes on where it broke: each event comes once", async () => {
    let connections = 0;
    await using fake = await FakeDockerRunner.open((request, response) => {
      connections += 1;
      const since = Number(queryOf(request).get("since") ?? 0);
      const wanted = EVENTS.filter(({ timeNano }) => timeNano / 1e9 >= since - 1e-6);
      const send = beginStream(response);
      send({ type: "error", message: "a line was no JSON", skipped: true });
      for (const event of wanted.slice(0, connections < 5 ? 11 : 30)) send({ type: "event", event });
      if (connections < 5) response.end();
    });
    const seen: unknown[] = [];
    for await (const event of fake.client().events({ filters: { event: ["create", "destroy"] } })) {
      seen.push(event);
      if (seen.length === EVENTS.length) break;
    }
    expect(seen).toEqual(EVENTS);
    const filters = queryOf(fake.received[0] as Received).get("filters") ?? "";
    expect(JSON.parse(Buffer.from(filters, "base64").toString())).toEqual({ event: ["create", "destroy"] });
    expect(queryOf(fake.received[0] as Received).has("since")).toBe(false);
  });

  test("that broke before the first event asks for what came since it was opened", async () => {
    const before = Date.now() / 1_000;
    await using fake = await FakeDockerRunner.open((_request, response) => {
      const send = beginStream(response);
      if (fake.received.length > 1) send({ type: "event", event: EVENTS[0] });
      else response.end();
    });
    for await (const event of fake.client().events()) {
      expect(event).toEqual(EVENTS[0]);
      break;
    }
    const since = Number(queryOf(fake.received[1] as Received).get("since"));
    expect(since).toBeGreaterThanOrEqual(Math.floor(before));
    expect(since).toBeLessThanOrEqual(Date.now() / 1_000);
  });
});
