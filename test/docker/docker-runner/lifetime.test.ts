import { homedir } from "node:os";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectDocker } from "../../../src/docker/connect.ts";
import type { DockerEngine } from "../../../src/docker/engine.ts";
import { type RunnerRig, startRunner } from "../../support/docker-runner-rig.ts";
import { importTinyImage } from "../../support/tiny-image.ts";

const IMAGE = `stigmer-runner-lifetime-${process.pid}:tiny`;
const GONE_WITHIN_MS = 40_000;
let engine: DockerEngine;
let rig: RunnerRig;

beforeAll(async () => {
  engine = await connectDocker({ env: process.env, homeDir: homedir() });
  // Ends at once when it is stopped, as a well-behaved first process.
  await importTinyImage(engine, IMAGE, [
    'CMD ["/bin/sh", "-c", "trap \\"exit 0\\" TERM; while :; do sleep 0.2; done"]',
  ]);
  rig = await startRunner({ relaxed: { images: [IMAGE] } });
  rig.service.sweeper.start();
});

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await engine.removeImage(IMAGE, { force: true });
});

async function start(options: object): Promise<string> {
  const { json } = await rig.caller.post("/v1/containers/start", { image: IMAGE, autoRemove: false, ...options });
  return String(json["containerId"]);
}

async function exists(containerId: string): Promise<boolean> {
  return (await engine.inspectContainer(containerId)) !== null;
}

/** Waits until it is gone. @returns when. */
async function goneAtMs(containerId: string): Promise<number> {
  await expect.poll(() => exists(containerId), { timeout: GONE_WITHIN_MS, interval: 100 }).toBe(false);
  return performance.now();
}

test("ttlSeconds removes a container after its time, not before, and touches no other", {
  timeout: 60_000,
}, async () => {
  const other = await start({});
  const longer = await start({ ttlSeconds: 3600 });
  const startedAtMs = performance.now();
  const containerId = await start({ ttlSeconds: 3 });
  expect((await goneAtMs(containerId)) - startedAtMs).toBeGreaterThan(3_000);
  expect(await exists(other)).toBe(true);
  expect(await exists(longer)).toBe(true);
});

test("exec and touch renew a container's time to live; when they end it goes", { timeout: 90_000 }, async () => {
  const [touched, worked] = await Promise.all([start({ ttlSeconds: 3 }), start({ ttlSeconds: 3 })]);
  const exec = rig.caller.post("/v1/exec/run", { containerId: worked, command: "sleep 7; echo done" });
  const startedAtMs = performance.now();
  while (performance.now() - startedAtMs < 6_000) {
    expect((await rig.caller.post("/v1/containers/touch", { containerId: touched })).status).toBe(204);
    await new Promise((resolve) => setTimeout(resolve, 500)); // A caller that touches now and then.
  }
  expect((await exec).json).toMatchObject({ stdout: "done\n", exitCode: 0 });
  const endedAtMs = performance.now();
  await goneAtMs(touched);
  expect((await goneAtMs(worked)) - endedAtMs).toBeGreaterThan(2_000);
});

test("times to live are learnt from the labels after a restart", { timeout: 60_000 }, async () => {
  const { json } = await rig.caller.post("/v1/containers/start", { image: IMAGE });
  const lasting = String(json["containerId"]);
  await using before = await startRunner({ relaxed: { images: [IMAGE] } });
  const started = await before.caller.post("/v1/containers/start", { image: IMAGE, ttlSeconds: 2 });
  const containerId = String(started.json["containerId"]);
  await using after = await startRunner({ runnerId: before.runnerId });
  after.service.sweeper.start();
  await goneAtMs(containerId);
  expect(await exists(lasting)).toBe(true);
});
