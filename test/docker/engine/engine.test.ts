import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { tarFiles } from "../../../src/docker/archive.ts";
import { connectDocker } from "../../../src/docker/connect.ts";
import type { ContainerSpecification, DockerEngine, EngineEvent, ImageProgress } from "../../../src/docker/engine.ts";
import { isNameConflict, isNoSuchImage } from "../../../src/docker/errors.ts";
import { importTinyImage } from "../../support/tiny-image.ts";

const PREFIX = `stigmer-engine-test-${process.pid}`;
const IMAGE = `${PREFIX}:tiny`;
const LABEL = `${PREFIX}.owned`;
const never = new AbortController().signal;

let engine: DockerEngine;
let imageId: string;
let names = 0;

beforeAll(async () => {
  engine = await connectDocker({ env: process.env, homeDir: homedir() });
  imageId = await importTinyImage(engine, IMAGE, [
    "ENV FROM_IMAGE=1",
    "LABEL made-by=test",
    'CMD ["/bin/sleep", "60"]',
  ]);
});

afterEach(async () => {
  const left = await engine.listContainers([LABEL]);
  await Promise.all(left.map(({ id }) => engine.removeContainer(id, { force: true, volumes: true })));
});

afterAll(async () => {
  await engine.removeImage(IMAGE, { force: true });
});

function specification(over: Partial<ContainerSpecification> = {}): ContainerSpecification {
  names += 1;
  return {
    name: `${PREFIX}-${names}`,
    image: IMAGE,
    labels: { [LABEL]: "yes" },
    env: { GREETING: "hello = world" },
    user: "12345:12345",
    networkMode: "none",
    extraHosts: [],
    binds: [],
    memoryBytes: 64 * 1024 * 1024,
    pidsLimit: 32,
    command: null,
    init: true,
    logMaxSizeBytes: 64 * 1024 * 1024,
    logMaxFiles: 2,
    ...over,
  };
}

async function run(script: string, over: Partial<ContainerSpecification> = {}): Promise<string> {
  const id = await engine.createContainer(specification({ command: ["/bin/sh", "-c", script], ...over }));
  await engine.startContainer(id);
  return id;
}

async function readLog(
  id: string,
  over: { tail?: number | "all"; since?: string; until?: string; follow?: boolean } = {},
) {
  const options = { follow: false, tail: "all", since: null, until: null, signal: never } as const;
  const lines: { time: string; stream: string; text: string }[] = [];
  for await (const { time, stream, line } of engine.logs(id, { ...options, ...over })) {
    lines.push({ time, stream, text: line.toString("latin1") });
  }
  return lines;
}

const texts = (lines: { text: string }[]) => lines.map(({ text }) => text);

describe("the engine itself", () => {
  it("tells its version, its architecture as images spell it, and its resources", async () => {
    const info = await engine.info();
    expect(info.serverVersion).toMatch(/^\d+\./);
    expect(info.apiVersion).toMatch(/^\d+\.\d+$/);
    expect(info.architecture).toBe((await engine.inspectImage(IMAGE))?.architecture);
    expect(info.cpus).toBeGreaterThan(0);
    expect(info.memoryBytes).toBeGreaterThan(0);
    await engine.ping();
  });
});

describe("a container", () => {
  it("lives: created, started twice, inspected, listed, stopped twice, removed twice", async () => {
    const wanted = specification();
    const id = await engine.createContainer(wanted);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect((await engine.inspectContainer(id))?.state).toMatchObject({ status: "created", running: false, pid: 0 });
    await engine.startContainer(id);
    await engine.startContainer(id);
    expect(await engine.inspectContainer(wanted.name)).toMatchObject({
      id,
      name: wanted.name,
      image: IMAGE,
      imageId,
      labels: { [LABEL]: "yes", "made-by": "test" },
      env: expect.arrayContaining(["GREETING=hello = world", "FROM_IMAGE=1"]),
      state: { status: "running", running: true, pid: expect.any(Number), oomKilled: false },
    });
    const summary = { id, name: wanted.name, image: IMAGE, imageId, running: true };
    expect(await engine.listContainers([`${LABEL}=yes`, "made-by"])).toMatchObject([summary]);
    expect(await engine.listContainers([`${LABEL}=no`])).toEqual([]);
    await engine.stopContainer(id, 5_000);
    await engine.stopContainer(id, 5_000);
    await engine.killContainer(id, "SIGKILL");
    expect((await engine.inspectContainer(id))?.state).toMatchObject({ status: "exited", running: false });
    await engine.removeContainer(id);
    await engine.removeContainer(id);
    await engine.stopContainer(id, 1_000);
    await engine.killContainer(id, "SIGKILL");
    expect(await engine.inspectContainer(id)).toBeNull();
  });

  it("is locked down as its specification says", async () => {
    const id = await run("sleep 60");
    const [document] = JSON.parse(execFileSync("docker", ["inspect", id], { env: dockerEnv() }).toString());
    expect(document.HostConfig).toMatchObject({
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      Privileged: false,
      PidsLimit: 32,
      Memory: 64 * 1024 * 1024,
      NetworkMode: "none",
      Init: true,
      RestartPolicy: { Name: "no" },
      LogConfig: { Type: "json-file", Config: { "max-size": String(64 * 1024 * 1024), "max-file": "2" } },
    });
    expect(document.Config).toMatchObject({ User: "12345:12345", Healthcheck: { Test: ["NONE"] } });
    const { stdout } = await engine.exec(id, ["/bin/id", "-u"]);
    expect(stdout).toBe("12345\n");
    const { stdout: status } = await engine.exec(id, ["/bin/cat", "/proc/self/status"]);
    expect(status).toMatch(/CapEff:\t0+\nCapBnd:\t0+\n/);
    expect(status).toMatch(/NoNewPrivs:\t1/);
  });

  it("whose name is taken, or whose image is missing, is refused recognisably", async () => {
    const wanted = specification();
    await engine.createContainer(wanted);
    const taken = await engine.createContainer(wanted).catch((error: unknown) => error);
    expect([isNameConflict(taken), isNoSuchImage(taken)]).toEqual([true, false]);
    const missing = await engine
      .createContainer(specification({ image: `${PREFIX}:none` }))
      .catch((error: unknown) => error);
    expect([isNameConflict(missing), isNoSuchImage(missing)]).toEqual([false, true]);
  });

  it("with a bind sees the folder; one that is missing is refused, not made", async () => {
    const folder = mkdtempSync(join(tmpdir(), "stigmer-engine-"));
    try {
      writeFileSync(join(folder, "note"), "from the host", { mode: 0o644 });
      execFileSync("chmod", ["755", folder]);
      const bind = { hostPath: folder, containerPath: "/work", readOnly: true };
      const id = await run("cat /work/note; echo x > /work/new", { binds: [bind] });
      expect(await engine.waitContainer(id)).not.toEqual({ exitCode: 0 });
      expect(texts(await readLog(id))).toContain("from the host");
      const missing = specification({ binds: [{ ...bind, hostPath: join(folder, "missing") }] });
      await expect(engine.createContainer(missing)).rejects.toMatchObject({ statusCode: 400 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("that ignores SIGTERM is killed after the grace; the wait tells its code", async () => {
    const id = await run("trap '' TERM; echo ready; while :; do sleep 1; done", { init: false });
    for await (const _ready of engine.logs(id, { follow: true, tail: "all", since: null, until: null, signal: never }))
      break;
    const waiting = engine.waitContainer(id);
    await engine.stopContainer(id, 1_000);
    expect(await waiting).toEqual({ exitCode: 137 });
  });

  it("gets files with their owner and mode before it starts", async () => {
    const id = await engine.createContainer(
      specification({ command: ["/bin/sh", "-c", "cat /token; printenv GREETING"] }),
    );
    const token = { path: "token", content: "s3cret\n", mode: 0o400, uid: 12345, gid: 12345 };
    await engine.putArchive(id, "/", tarFiles([token]));
    await engine.startContainer(id);
    expect(await engine.waitContainer(id)).toEqual({ exitCode: 0 });
    expect(texts(await readLog(id))).toEqual(["s3cret", "hello = world"]);
    await expect(engine.putArchive(id, "/missing", tarFiles([token]))).rejects.toMatchObject({ statusCode: 404 });
  });

  it("that is being removed by another is waited for", async () => {
    const id = await run("sleep 60");
    await Promise.all([1, 2, 3].map(() => engine.removeContainer(id, { force: true })));
    expect(await engine.inspectContainer(id)).toBeNull();
  });
});

describe("an exec", () => {
  it("tells both streams, the exit code, and works under another user with its own environment", async () => {
    const id = await run("sleep 60");
    const script = "echo out; echo err >&2; printenv EXTRA; id -u; exit 7";
    expect(await engine.exec(id, ["/bin/sh", "-c", script], { user: "777", env: ["EXTRA=1"] })).toEqual({
      exitCode: 7,
      stdout: "out\n1\n777\n",
      stderr: "err\n",
    });
  });

  it("of a program that is not there has its exit code; in a stopped container it is refused", async () => {
    const id = await run("sleep 60");
    expect((await engine.exec(id, ["/missing"])).exitCode).toBeGreaterThanOrEqual(126);
    await engine.stopContainer(id, 0);
    await expect(engine.exec(id, ["/bin/true"])).rejects.toMatchObject({ statusCode: 409 });
  });

  it("that outlives its deadline rejects and says so; much output is cut at a MiB", async () => {
    const id = await run("sleep 60");
    await expect(engine.exec(id, ["/bin/sleep", "60"], { timeoutMs: 300 })).rejects.toMatchObject({
      code: "DOCKER_UNRESPONSIVE",
      message: expect.stringContaining("within 0.3 s"),
    });
    const { exitCode, stdout } = await engine.exec(id, ["/bin/seq", "1", "500000"]);
    expect([exitCode, stdout.length, stdout.slice(0, 4)]).toEqual([0, 1024 * 1024, "1\n2\n"]);
  });
});

describe("logs", () => {
  it("keep both streams, empty lines and spaces, and select by tail and time", async () => {
    const id = await run("echo one; echo; echo '  three  '; echo four");
    await engine.waitContainer(id);
    const lines = await readLog(id);
    expect(texts(lines)).toEqual(["one", "", "  three  ", "four"]);
    expect(lines.every(({ time }) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/.test(time))).toBe(true);
    expect(texts(await readLog(id, { tail: 2 }))).toEqual(["  three  ", "four"]);
    expect(texts(await readLog(id, { tail: 0 }))).toEqual([]);
    const third = lines[2]?.time ?? "";
    expect(texts(await readLog(id, { since: third }))).toEqual(["  three  ", "four"]);
    expect(texts(await readLog(id, { until: third }))).toEqual(["one", "", "  three  "]);
    expect(texts(await readLog(id, { until: third, tail: 1 }))).toEqual(["  three  "]);
  });

  it("rejoin a line of 10 MB, and count it as one line of the tail", async () => {
    const id = await run("echo first; head -c 10000000 /dev/zero | tr '\\0' x; echo; echo last");
    const followed = await readLog(id, { follow: true });
    expect(followed.map(({ text }) => text.length)).toEqual([5, 10_000_000, 4]);
    expect((await readLog(id, { tail: 2 })).map(({ text }) => text.length)).toEqual([10_000_000, 4]);
    expect((await readLog(id, { tail: 3 })).map(({ text }) => text.length)).toEqual([5, 10_000_000, 4]);
  });

  it("of a follow end with the container and hold everything in order", async () => {
    const id = await run("seq 1 20000; echo done >&2");
    const lines = await readLog(id, { follow: true });
    const numbers = lines.filter(({ stream }) => stream === "stdout").map(({ text }) => Number(text));
    expect(numbers).toEqual(Array.from({ length: 20_000 }, (_, index) => index + 1));
    expect(lines.filter(({ stream }) => stream === "stderr").map(({ text }) => text)).toEqual(["done"]);
  });
});

describe("events", () => {
  it("of labelled containers come once each, also those since a moment before the subscription", async () => {
    const sinceMs = Date.now() - 1;
    const id = await run("exit 3");
    await engine.waitContainer(id);
    await engine.removeContainer(id);
    const seen: EngineEvent[] = [];
    for await (const event of engine.events({ labels: [LABEL], sinceMs, signal: AbortSignal.timeout(30_000) })) {
      if (event.containerId !== id) continue; // The test before this one may have removed its own just now.
      seen.push(event);
      if (event.action === "destroy") break;
    }
    expect(seen.map(({ action, containerId }) => [action, containerId])).toEqual(
      ["create", "start", "die", "destroy"].map((action) => [action, id]),
    );
    expect(seen[2]?.attributes).toMatchObject({ exitCode: "3", [LABEL]: "yes" });
    expect(seen[0]?.timeMs).toBeGreaterThanOrEqual(sinceMs);
  });
});

describe("images", () => {
  async function build(dockerfile: string, over: { tags?: string[]; labels?: Record<string, string> } = {}) {
    const context = tarFiles([{ path: "Dockerfile", content: dockerfile, mode: 0o644, uid: 0, gid: 0 }]);
    const steps: ImageProgress[] = [];
    const options = { dockerfile: "Dockerfile", tags: [], buildArgs: {}, labels: {}, noCache: true, signal: never };
    for await (const step of engine.buildImage({ ...options, context: Readable.from([context]), ...over }))
      steps.push(step);
    return {
      steps,
      error: steps.find(({ error }) => error !== null)?.error ?? null,
      imageId: steps.find((step) => step.imageId)?.imageId,
    };
  }

  it("are inspected, tagged, untagged and removed; one that is missing is null", async () => {
    const second = `${PREFIX}:second`;
    await engine.tagImage(IMAGE, second);
    expect(await engine.inspectImage(second)).toMatchObject({
      id: imageId,
      tags: expect.arrayContaining([IMAGE, second]),
      os: "linux",
      labels: { "made-by": "test" },
      user: "",
      hasHealthcheck: false,
    });
    await engine.removeImage(second);
    await engine.removeImage(second);
    expect(await engine.inspectImage(second)).toBeNull();
    await expect(engine.tagImage(second, `${PREFIX}:third`)).rejects.toMatchObject({ statusCode: 404 });
  });

  it("are built with tags, labels and a healthcheck, and the image's ID is told", async () => {
    const tags = [`${PREFIX}:built`, `${PREFIX}:v1`];
    try {
      const dockerfile = `FROM ${IMAGE}\nUSER 7:7\nHEALTHCHECK --interval=30s CMD true\n`;
      const built = await build(dockerfile, { tags, labels: { source: "test" } });
      expect(built.error).toBeNull();
      expect(built.steps.map(({ text }) => text)).toContainEqual(expect.stringMatching(/^Step 1\/\d+ : FROM /));
      expect(await engine.inspectImage(tags[1] ?? "")).toMatchObject({
        id: built.imageId,
        tags: expect.arrayContaining(tags),
        labels: { source: "test", "made-by": "test" },
        user: "7:7",
        hasHealthcheck: true,
      });
    } finally {
      // One after the other: of two names removed at once the engine may no longer know the image of the second.
      for (const tag of tags) await engine.removeImage(tag);
    }
  });

  it("whose build fails report the engine's own words as an error", async () => {
    const { error, imageId } = await build(`FROM ${IMAGE}\nCOPY missing /\n`);
    expect(error).toMatch(/COPY failed.*missing/);
    expect(imageId).toBeUndefined();
    await expect(build("NONSENSE\n")).rejects.toMatchObject({ statusCode: 400 });
  });

  it("from a registry that is not there fail to pull and to push, with its address", async () => {
    const far = "127.0.0.1:1/some/image:1";
    const pull = async () => {
      for await (const { error } of engine.pullImage(far, never)) if (error !== null) throw new Error(error);
    };
    await expect(pull()).rejects.toThrow(/127\.0\.0\.1:1.*refused/);
    await engine.tagImage(IMAGE, far);
    const push = async () => {
      for await (const { error } of engine.pushImage(far, never)) if (error !== null) throw new Error(error);
    };
    await expect(push()).rejects.toThrow(/127\.0\.0\.1:1.*refused/);
    await engine.removeImage(far);
  });
});

/** The Docker CLI is pointed at the same engine. */
function dockerEnv(): NodeJS.ProcessEnv {
  return { ...process.env, DOCKER_HOST: engine.endpoint.url };
}
