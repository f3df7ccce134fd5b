import { homedir } from "node:os";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectDocker } from "../../../src/docker/connect.ts";
import type { DockerEngine } from "../../../src/docker/engine.ts";
import { FrameReader } from "../../../src/docker/log-frames.ts";
import type { EventReader, Frame } from "../../support/docker-runner-client.ts";
import { type RunnerRig, startRunner } from "../../support/docker-runner-rig.ts";
import { importTinyImage } from "../../support/tiny-image.ts";

const IMAGE = `stigmer-runner-streams-${process.pid}:tiny`;
let engine: DockerEngine;
let rig: RunnerRig;

beforeAll(async () => {
  engine = await connectDocker({ env: process.env, homeDir: homedir() });
  await importTinyImage(engine, IMAGE, ['CMD ["/bin/sleep", "600"]']);
  rig = await startRunner({ relaxed: { images: [IMAGE] } });
});

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await engine.removeImage(IMAGE, { force: true });
});

async function start(script: string, options: object = {}): Promise<string> {
  const cmd = ["/bin/sh", "-c", script];
  const { json } = await rig.caller.post("/v1/containers/start", { image: IMAGE, cmd, autoRemove: false, ...options });
  return String(json["containerId"]);
}

function logs(containerId: string, parameters: Record<string, string> = {}): Promise<EventReader> {
  return rig.caller.stream(`/v1/containers/logs/sse?${new URLSearchParams({ containerId, ...parameters })}`);
}

/** The bytes of all chunks, as they were sent. */
function bytesOf(frames: Frame[], stream?: string): Buffer {
  const chunks = frames.filter(
    (frame) => frame.type === "chunk" && (stream === undefined || frame["stream"] === stream),
  );
  return Buffer.concat(chunks.map(({ data }) => Buffer.from(String(data), "base64")));
}

/** Takes Docker's multiplexed bytes apart. */
function demultiplex(bytes: Buffer): { stdout: string; stderr: string } {
  const text = { stdout: "", stderr: "" };
  new FrameReader().push(bytes, (stream, payload) => {
    text[stream] += payload.toString();
  });
  return text;
}

async function untilLogged(containerId: string, text: string): Promise<void> {
  const stream = await logs(containerId, { demux: "true" });
  let seen = "";
  await stream.until((frame) => {
    seen += bytesOf([frame]).toString();
    return seen.includes(text);
  });
  stream.close();
}

test("logs with follow=false give what was printed, then an end frame, and the stream closes though the container runs", async () => {
  const containerId = await start("echo out; echo err >&2; sleep 600");
  await untilLogged(containerId, "err");
  const frames = await (await logs(containerId, { follow: "false" })).all();
  expect(frames.at(-1)).toEqual({ type: "end" });
  expect(demultiplex(bytesOf(frames))).toEqual({ stdout: "out\n", stderr: "err\n" });
  const split = await (await logs(containerId, { follow: "false", demux: "true" })).all();
  expect([bytesOf(split, "stdout").toString(), bytesOf(split, "stderr").toString()]).toEqual(["out\n", "err\n"]);
  const only = await (await logs(containerId, { follow: "false", demux: "true", stderr: "false" })).all();
  expect(bytesOf(only).toString()).toBe("out\n");
  const tail = await (await logs(containerId, { follow: "false", tail: "0" })).all();
  expect(tail).toEqual([{ type: "end" }]);
  const future = await (await logs(containerId, { follow: "false", since: "2099-01-01T00:00:00Z" })).all();
  expect(future).toEqual([{ type: "end" }]);
  const stamped = await (await logs(containerId, { follow: "false", demux: "true", timestamps: "true" })).all();
  expect(bytesOf(stamped, "stdout").toString()).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z out\n$/);
});

test("logs with follow=true stream as lines are printed and end with the container", async () => {
  const containerId = await start("i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo $i; sleep 0.3; done");
  const frames = await (await logs(containerId, { demux: "true" })).all();
  expect(bytesOf(frames).toString()).toBe("1\n2\n3\n");
  expect(frames.filter(({ type }) => type === "chunk").length).toBeGreaterThan(1);
  expect(frames.at(-1)).toEqual({ type: "end" });
});

test("a container with a terminal has one stream, which comes as it is", async () => {
  const containerId = await start("echo out; echo err >&2", { tty: true });
  const frames = await (await logs(containerId)).all();
  expect(bytesOf(frames).toString()).toBe("out\r\nerr\r\n");
  const split = await (await logs(containerId, { demux: "true" })).all();
  expect(bytesOf(split, "stdout").toString()).toBe("out\r\nerr\r\n");
});

test.each([
  ["follow=0", { follow: "0" }],
  ["follow=", { follow: "" }],
  ["stdout=yes", { stdout: "yes" }],
  ["tail=-1", { tail: "-1" }],
  ["tail=many", { tail: "many" }],
  ["since=yesterday", { since: "yesterday" }],
  ["an unknown parameter", { folow: "false" }],
])("logs with %s are refused as plain JSON", async (_name, parameters) => {
  const containerId = "whatever";
  const answer = await rig.caller.get(`/v1/containers/logs/sse?${new URLSearchParams({ containerId, ...parameters })}`);
  expect(answer).toMatchObject({ status: 400, json: { error: { code: "validation_error", retryable: false } } });
});

test("quiet log and event streams carry a comment at least every 15 s", async () => {
  const containerId = await start("sleep 600");
  const streams = [
    await logs(containerId),
    await rig.caller.stream(`/v1/events/sse?filters=${base64({ container: ["none"] })}`),
  ];
  const startedAtMs = performance.now();
  await Promise.all(
    streams.map(async (stream) => {
      const reading = stream.next();
      await expect.poll(() => stream.comments, { timeout: 30_000 }).toBeGreaterThan(0);
      stream.close();
      await reading.catch(() => {});
    }),
  );
  expect(performance.now() - startedAtMs).toBeGreaterThan(5_000);
});

test("start, die and destroy of a container appear exactly once, live and again with since", async () => {
  const sinceSeconds = (Date.now() / 1000 - 1).toFixed(3);
  const live = await rig.caller.stream("/v1/events/sse");
  const containerId = await start("sleep 600");
  await rig.caller.post("/v1/containers/remove", { containerId, force: true });
  const seen = await eventsUntilDestroy(live, containerId);
  const replayed = await eventsUntilDestroy(
    await rig.caller.stream(`/v1/events/sse?since=${sinceSeconds}`),
    containerId,
  );
  for (const actions of [seen, replayed]) {
    for (const action of ["create", "start", "die", "destroy"]) {
      expect(actions.filter((one) => one === action)).toEqual([action]);
    }
  }
  const filters = base64({ type: ["container"], event: ["die"], container: [containerId] });
  const filtered = await rig.caller.stream(`/v1/events/sse?since=${sinceSeconds}&filters=${filters}`);
  expect((await filtered.next())?.["event"]).toMatchObject({ Action: "die", Actor: { ID: containerId } });
  filtered.close();
});

test("events of strangers' containers are not seen", async () => {
  await using stranger = await startRunner({ relaxed: { images: [IMAGE] } });
  const stream = await rig.caller.stream("/v1/events/sse");
  const { json } = await stranger.caller.post("/v1/containers/start", { image: IMAGE });
  const own = await start("sleep 600");
  const frames: Frame[] = [];
  await stream.until((frame) => frames.push(frame) > 0 && JSON.stringify(frame).includes(own));
  stream.close();
  expect(JSON.stringify(frames)).not.toContain(String(json["containerId"]));
});

test.each(["bm8ganNvbg==", "%25%25", "W10=", "eyJ0eXBlIjpbMV19"])(
  "unreadable filters are refused: %s",
  async (filters) => {
    const answer = await rig.caller.get(`/v1/events/sse?filters=${filters}`);
    expect(answer).toMatchObject({ status: 400, json: { error: { code: "validation_error" } } });
  },
);

test("a reader that stops does not make the service's memory grow", async () => {
  const containerId = await start("head -c 150000000 /dev/zero; sleep 600");
  const response = await rig.caller.open("GET", `/v1/containers/logs/sse?containerId=${containerId}`);
  response.pause();
  const before = process.memoryUsage().rss;
  for (let call = 0; call < 50; call += 1) {
    expect((await rig.caller.get(`/v1/containers/labels?containerId=${containerId}`)).status).toBe(200);
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
  response.destroy();
});

async function eventsUntilDestroy(stream: EventReader, containerId: string): Promise<string[]> {
  const actions: string[] = [];
  await stream.until(({ event }) => {
    const { Action, Actor } = event as { Action: string; Actor: { ID: string } };
    if (Actor.ID === containerId) actions.push(Action);
    return Actor.ID === containerId && Action === "destroy";
  });
  stream.close();
  return actions;
}

function base64(value: object): string {
  return encodeURIComponent(Buffer.from(JSON.stringify(value)).toString("base64"));
}
