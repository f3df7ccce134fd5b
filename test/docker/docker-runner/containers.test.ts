import { execFileSync } from "node:child_process";
import { homedir } from "node:os";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tarFiles } from "../../../src/docker/archive.ts";
import { connectDocker } from "../../../src/docker/connect.ts";
import type { DockerEngine } from "../../../src/docker/engine.ts";
import { type RunnerRig, startRunner } from "../../support/docker-runner-rig.ts";
import { importTinyImage } from "../../support/tiny-image.ts";

const PREFIX = `stigmer-runner-containers-${process.pid}`;
const IMAGE = `${PREFIX}:tiny`;
let engine: DockerEngine;
let rig: RunnerRig;

beforeAll(async () => {
  engine = await connectDocker({ env: process.env, homeDir: homedir() });
  await importTinyImage(engine, IMAGE, ['CMD ["/bin/sleep", "600"]']);
  rig = await startRunner({ relaxed: { images: [IMAGE], volumes: [`${PREFIX}-*`] } });
});

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await engine.removeImage(IMAGE, { force: true });
});

async function start(options: object = {}, headers: Record<string, string> = {}): Promise<string> {
  const { json, status, text } = await rig.caller.post(
    "/v1/containers/start",
    { image: IMAGE, ...options },
    { headers },
  );
  if (status !== 200) throw new Error(`start answered ${status}: ${text}`);
  return String(json["containerId"]);
}

async function inspect(containerId: string) {
  const { json } = await rig.caller.get(`/v1/containers/inspect?containerId=${containerId}`);
  return json as { Config: Record<string, unknown>; HostConfig: Record<string, unknown>; State: { Running: boolean } };
}

async function run(containerId: string, command: string | string[]): Promise<string> {
  const { json } = await rig.caller.post("/v1/exec/run", { containerId, command });
  return String(json["stdout"]);
}

function countOwn(): Promise<number> {
  return rig.engine.list({ label: [rig.service.own.label] }, { all: true }).then(({ length }) => length);
}

function docker(...args: string[]): string {
  return execFileSync("docker", args, { encoding: "utf8" }).trim();
}

test("start, inspect, labels, networks, stop twice, remove twice: documented answers, and the container really comes and goes", async () => {
  const name = `${PREFIX}-whole-life`;
  const started = await rig.caller.post("/v1/containers/start", {
    image: IMAGE,
    name,
    autoRemove: false,
    labels: { purpose: "test" },
  });
  expect(started).toMatchObject({
    status: 200,
    json: { containerId: expect.stringMatching(/^[0-9a-f]{64}$/), name, status: "running" },
  });
  const containerId = String(started.json["containerId"]);
  expect(docker("inspect", "-f", "{{.State.Running}}", containerId)).toBe("true");
  const inspected = await rig.caller.get(`/v1/containers/inspect?containerId=${name}`);
  expect(inspected).toMatchObject({ status: 200, json: { Id: containerId, Name: `/${name}` } });
  const labels = await rig.caller.get(`/v1/containers/labels?containerId=${containerId}`);
  expect(labels).toMatchObject({
    status: 200,
    json: { labels: { purpose: "test", "ai.stigmer.managed": "true", "ai.stigmer.runner": rig.runnerId } },
  });
  const networks = await rig.caller.get(`/v1/containers/networks?containerId=${containerId}`);
  expect(networks).toMatchObject({ status: 200, json: { networks: { bridge: expect.any(Object) } } });

  for (const _ of ["running", "stopped"]) {
    expect(await rig.caller.post("/v1/containers/stop", { containerId, timeoutSec: 0 })).toMatchObject({ status: 204 });
    expect((await inspect(containerId)).State.Running).toBe(false);
  }
  for (const _ of ["there", "gone"]) {
    const removed = await rig.caller.post("/v1/containers/remove", { containerId });
    expect(removed).toMatchObject({ status: 204, text: "" });
    expect(docker("ps", "-aq", "--filter", `id=${containerId}`)).toBe("");
  }
  expect((await rig.caller.post("/v1/containers/stop", { containerId })).status).toBe(204);
});

test("an unknown container is 404 with one stable code on every reading call and on exec", async () => {
  const id = "no-such-container";
  const answers = await Promise.all([
    rig.caller.get(`/v1/containers/inspect?containerId=${id}`),
    rig.caller.get(`/v1/containers/labels?containerId=${id}`),
    rig.caller.get(`/v1/containers/networks?containerId=${id}`),
    rig.caller.get(`/v1/containers/logs/sse?containerId=${id}`),
    rig.caller.post("/v1/containers/touch", { containerId: id }),
    rig.caller.post("/v1/exec/run", { containerId: id, command: "true" }),
    rig.caller.post("/v1/containers/putArchive", { containerId: id, path: "/", payloadBase64: "" }),
  ]);
  for (const answer of answers) {
    expect(answer).toMatchObject({ status: 404, json: { error: { code: "container_not_found", retryable: false } } });
  }
});

test("remove of a running container is 409 and leaves it running; with force it goes", async () => {
  const containerId = await start();
  expect(await rig.caller.post("/v1/containers/remove", { containerId })).toMatchObject({
    status: 409,
    json: { error: { code: "container_running", retryable: false } },
  });
  expect((await inspect(containerId)).State.Running).toBe(true);
  expect((await rig.caller.post("/v1/containers/remove", { containerId, force: true })).status).toBe(204);
  expect(docker("ps", "-aq", "--filter", `id=${containerId}`)).toBe("");
});

test("a start that fails, or whose name is taken, leaves no container behind", async () => {
  const before = await countOwn();
  for (const autoRemove of [true, false]) {
    const failed = await rig.caller.post("/v1/containers/start", { image: IMAGE, cmd: ["/no/program"], autoRemove });
    expect(failed.status).toBeGreaterThanOrEqual(400);
  }
  const name = `${PREFIX}-taken`;
  await start({ name });
  const taken = await rig.caller.post("/v1/containers/start", { image: IMAGE, name });
  expect(taken).toMatchObject({ status: 409, json: { error: { code: "name_taken", retryable: false } } });
  expect(await countOwn()).toBe(before + 1);
});

test.each([
  ["an unknown user", { user: "nosuch" }, 400, "docker_bad_request"],
  ["a host name that is too long", { createExtras: { Hostname: "a".repeat(200) } }, 400, "docker_bad_request"],
])("%s is the caller's mistake, and nothing is left of that start", async (_, options, status, code) => {
  const before = await countOwn();
  const refused = await rig.caller.post("/v1/containers/start", { image: IMAGE, ...options });
  expect(refused).toMatchObject({ status, json: { error: { code, retryable: false } } });
  expect(await countOwn()).toBe(before);
});

test("one Idempotency-Key makes one container, in sequence and at once; another key makes another", async () => {
  const key = { "idempotency-key": `${PREFIX}-key` };
  const atOnce = await Promise.all([1, 2, 3, 4].map(() => start({}, key)));
  expect(new Set([...atOnce, await start({}, key)]).size).toBe(1);
  expect(await start({}, { "idempotency-key": `${PREFIX}-other` })).not.toBe(atOnce[0]);
  const conflict = await rig.caller.post("/v1/containers/start", { image: IMAGE, cmd: ["x"] }, { headers: key });
  expect(conflict).toMatchObject({ status: 409, json: { error: { code: "idempotency_conflict" } } });

  await using restarted = await startRunner({ runnerId: rig.runnerId, relaxed: { images: [IMAGE] } });
  const again = await restarted.caller.post("/v1/containers/start", { image: IMAGE }, { headers: key });
  expect(again.json["containerId"]).toBe(atOnce[0]);
});

test("findByLabels: every label must match, oldest first, stopped ones only with all:true", async () => {
  const first = await start({ labels: { group: PREFIX, part: "one" } });
  const second = await start({ labels: { group: PREFIX, part: "two" } });
  const stopped = await start({ labels: { group: PREFIX, part: "" }, autoRemove: false });
  await rig.caller.post("/v1/containers/stop", { containerId: stopped, timeoutSec: 0 });
  const find = async (labels: object, all?: boolean) =>
    (await rig.caller.post("/v1/containers/findByLabels", { labels, ...(all === undefined ? {} : { all }) })).json;
  expect(await find({ group: PREFIX })).toEqual({ containerIds: [first, second] });
  expect(await find({ group: PREFIX }, true)).toEqual({ containerIds: [first, second, stopped] });
  expect(await find({ group: PREFIX, part: "two" })).toEqual({ containerIds: [second] });
  expect(await find({ group: PREFIX, part: "" }, true)).toEqual({ containerIds: [stopped] });
  expect(await find({ group: PREFIX, part: "three" })).toEqual({ containerIds: [] });
});

test("env as map and as list, workingDir, entrypoint, anonymousVolumes and tty reach the container", async () => {
  const containerId = await start({
    env: { A: "1 = one", B: "" },
    workingDir: "/proc",
    entrypoint: ["/bin/sleep"],
    cmd: ["599"],
    anonymousVolumes: ["/cache"],
    tty: true,
    user: "1234:5678",
  });
  expect((await inspect(containerId)).Config).toMatchObject({
    Env: expect.arrayContaining(["A=1 = one", "B="]),
    WorkingDir: "/proc",
    Entrypoint: ["/bin/sleep"],
    Cmd: ["599"],
    Volumes: { "/cache": {} },
    Tty: true,
    User: "1234:5678",
  });
  expect(await run(containerId, ["/bin/id"])).toContain("uid=1234 gid=5678");
  const listed = await start({ env: ["C=3"], entrypoint: "/bin/sleep", cmd: ["598"] });
  expect((await inspect(listed)).Config).toMatchObject({
    Env: expect.arrayContaining(["C=3"]),
    Entrypoint: ["/bin/sleep"],
    Tty: false,
  });
});

test("autoRemove is the default and removes a container that ends", async () => {
  const containerId = await start({ cmd: ["/bin/true"] });
  await expect.poll(() => docker("ps", "-aq", "--filter", `id=${containerId}`), { timeout: 20_000 }).toBe("");
  const kept = await start({ cmd: ["/bin/true"], autoRemove: false });
  await expect.poll(async () => (await inspect(kept)).State.Running, { timeout: 20_000 }).toBe(false);
});

test("images/ensure of a present image is 204 at once; its SSE form ends; an image outside the allow-list is 403", async () => {
  expect(await rig.caller.post("/v1/images/ensure", { image: IMAGE })).toMatchObject({ status: 204 });
  const stream = await rig.caller.stream(`/v1/images/ensure/sse?image=${encodeURIComponent(IMAGE)}`);
  expect(await stream.all()).toEqual([{ type: "end" }]);
  for (const answer of [
    await rig.caller.post("/v1/images/ensure", { image: "alpine:latest" }),
    await rig.caller.get("/v1/images/ensure/sse?image=alpine"),
    await rig.caller.post("/v1/containers/start", { image: "alpine" }),
  ]) {
    expect(answer).toMatchObject({ status: 403, json: { error: { code: "policy_denied", retryable: false } } });
  }
});

test("putArchive takes base64 JSON and a raw tar of 5 MB, byte for byte; a missing folder is 404", async () => {
  const containerId = await start();
  const file = (path: string, content: Buffer) => tarFiles([{ path, content, mode: 0o644, uid: 0, gid: 0 }]);
  const payloadBase64 = file("small", Buffer.from([0, 255, 10, 128])).toString("base64");
  const small = await rig.caller.post("/v1/containers/putArchive", { containerId, path: "/", payloadBase64 });
  expect(small.status).toBe(204);
  const large = Buffer.alloc(5 * 1024 * 1024, "0123456789abcde\n");
  const url = `/v1/containers/putArchive?containerId=${containerId}&path=/`;
  const headers = { "content-type": "application/x-tar" };
  expect((await rig.caller.send("POST", url, file("large", large), { headers })).status).toBe(204);
  for (const [name, content] of [
    ["small", Buffer.from([0, 255, 10, 128])],
    ["large", large],
  ] as const) {
    expect(
      execFileSync("docker", ["exec", containerId, "/bin/cat", `/${name}`], { maxBuffer: 2 ** 24 }).equals(content),
    ).toBe(true);
  }
  const missing = await rig.caller.post("/v1/containers/putArchive", {
    containerId,
    path: "/not/there",
    payloadBase64,
  });
  expect(missing).toMatchObject({ status: 404, json: { error: { code: "path_not_found" } } });
});

test("volumes: listed by the containers that use them, 409 in use, 204 removed, 204 gone", async () => {
  const volumeName = `${PREFIX}-data`;
  const containerId = await start({ binds: [`${volumeName}:/data`] });
  const listed = await rig.caller.get(`/v1/containers/listByVolume?volumeName=${volumeName}`);
  expect(listed.json).toEqual({ containerIds: [containerId] });
  expect(await rig.caller.post("/v1/volumes/remove", { volumeName })).toMatchObject({
    status: 409,
    json: { error: { code: "volume_in_use" } },
  });
  await rig.caller.post("/v1/containers/remove", { containerId, force: true });
  for (const _ of ["there", "gone"]) {
    expect((await rig.caller.post("/v1/volumes/remove", { volumeName })).status).toBe(204);
  }
  expect(docker("volume", "ls", "-q", "--filter", `name=${volumeName}`)).toBe("");
  expect((await rig.caller.post("/v1/volumes/remove", { volumeName: "other" })).status).toBe(403);
});

test("every container gets dropped capabilities, no-new-privileges, and limits on memory, CPU and pids", async () => {
  const { HostConfig } = await inspect(await start());
  expect(HostConfig).toMatchObject({
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges"],
    Memory: 1024 ** 3,
    MemorySwap: 1024 ** 3,
    PidsLimit: 512,
    Privileged: false,
    RestartPolicy: { Name: "no" },
  });
  expect(HostConfig["NanoCpus"]).toBeGreaterThan(0);
  expect(HostConfig["NanoCpus"]).toBeLessThanOrEqual(2e9);
  const less = { HostConfig: { Memory: 64 * 1024 ** 2, NanoCpus: 5e8, PidsLimit: 20 } };
  expect((await inspect(await start({ createExtras: less }))).HostConfig).toMatchObject({
    Memory: 64 * 1024 ** 2,
    MemorySwap: 64 * 1024 ** 2,
    NanoCpus: 5e8,
    PidsLimit: 20,
  });
  for (const more of [{ Memory: 2 * 1024 ** 3 }, { NanoCpus: 3e9 }, { PidsLimit: 513 }, { PidsLimit: -1 }]) {
    const denied = await rig.caller.post("/v1/containers/start", { image: IMAGE, createExtras: { HostConfig: more } });
    expect(denied).toMatchObject({ status: 403, json: { error: { code: "policy_denied" } } });
  }
});

test("containers without this runner's label can be neither read, entered, stopped nor removed", async () => {
  await using stranger = await startRunner({ relaxed: { images: [IMAGE] } });
  const { json } = await stranger.caller.post("/v1/containers/start", { image: IMAGE, name: `${PREFIX}-foreign` });
  const id = String(json["containerId"]);
  const bare = docker("run", "-d", "--rm", "--name", `${PREFIX}-bare`, IMAGE);
  try {
    for (const containerId of [id, id.slice(0, 12), `${PREFIX}-foreign`, bare, `${PREFIX}-bare`]) {
      const answers = await Promise.all([
        rig.caller.get(`/v1/containers/inspect?containerId=${containerId}`),
        rig.caller.get(`/v1/containers/labels?containerId=${containerId}`),
        rig.caller.get(`/v1/containers/networks?containerId=${containerId}`),
        rig.caller.get(`/v1/containers/logs/sse?containerId=${containerId}`),
        rig.caller.post("/v1/containers/touch", { containerId }),
        rig.caller.post("/v1/containers/stop", { containerId, timeoutSec: 0 }),
        rig.caller.post("/v1/containers/remove", { containerId, force: true }),
        rig.caller.post("/v1/containers/putArchive", { containerId, path: "/", payloadBase64: "" }),
        rig.caller.post("/v1/exec/run", { containerId, command: "true" }),
        rig.caller.post("/v1/containers/start", { image: IMAGE, networkMode: `container:${containerId}` }),
      ]);
      for (const answer of answers) {
        expect(answer).toMatchObject({ status: 403, json: { error: { code: "policy_denied" } } });
      }
    }
    const socket = rig.caller.webSocket(`/v1/exec/interactive/ws?containerId=${bare}&command=true`);
    expect(await socket.ended).toEqual({ code: 1011 });
    expect(socket.frames).toEqual([{ type: "error", error: expect.objectContaining({ code: "policy_denied" }) }]);
    expect(docker("inspect", "-f", "{{.State.Running}}", id, bare)).toBe("true\ntrue");

    const execId = docker("inspect", "-f", "{{index .ExecIDs 0}}", await execIn(bare));
    const resize = await rig.caller.post("/v1/exec/resize", { execId, size: { cols: 10, rows: 10 } });
    expect(resize.status).toBe(403);
  } finally {
    docker("rm", "-f", bare);
  }
});

/** Leaves an exec running in a container that is not the runner's. */
async function execIn(containerId: string): Promise<string> {
  docker("exec", "-d", containerId, "/bin/sleep", "60");
  await expect.poll(() => docker("inspect", "-f", "{{len .ExecIDs}}", containerId), { timeout: 10_000 }).toBe("1");
  return containerId;
}

test("a relaxed policy lets strangers' containers be used, and containers of this runner share a network", async () => {
  await using relaxed = await startRunner({ relaxed: { images: [IMAGE], unmanaged: true } });
  const containerId = await start();
  expect((await relaxed.caller.get(`/v1/containers/labels?containerId=${containerId}`)).status).toBe(200);
  const sharing = await start({ networkMode: `container:${containerId.slice(0, 12)}` });
  expect((await inspect(sharing)).HostConfig).toMatchObject({ NetworkMode: `container:${containerId}` });
});
