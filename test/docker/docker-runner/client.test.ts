import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tarFiles } from "../../../src/docker/archive.ts";
import { connectDocker } from "../../../src/docker/connect.ts";
import type { ContainerLogLine, DockerEngine } from "../../../src/docker/engine.ts";
import { DockerRunnerClient } from "../../../src/docker-runner/client/client.ts";
import type { ContainerEvent, ContainerOptions } from "../../../src/docker-runner/client/wire.ts";
import { DockerRunnerProcess } from "../../support/docker-runner-process.ts";
import { freePort } from "../../support/free-port.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { importTinyImage } from "../../support/tiny-image.ts";

const ID = `client-test-${process.pid}`;
const IMAGE = `stigmer-client-test-${process.pid}:tiny`;
const SECRET = randomUUID();

let engine: DockerEngine;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let environment: Record<string, string>;
let service: DockerRunnerProcess;
let client: DockerRunnerClient;

beforeAll(async () => {
  engine = await connectDocker({ env: process.env, homeDir: homedir() });
  await importTinyImage(engine, IMAGE);
  directory = await temporaryDirectory();
  writeFileSync(directory.file("policy.json"), JSON.stringify({ images: [IMAGE] }));
  environment = {
    DOCKER_RUNNER_PORT: String(await freePort()),
    DOCKER_RUNNER_SHARED_SECRET: SECRET,
    DOCKER_RUNNER_POLICY: directory.file("policy.json"),
    DOCKER_RUNNER_ID: ID,
    DOCKER_SOCKET: engine.endpoint.url,
  };
  service = await DockerRunnerProcess.start(environment);
  client = new DockerRunnerClient({
    baseUrl: `http://127.0.0.1:${environment["DOCKER_RUNNER_PORT"]}`,
    secret: SECRET,
  });
});

afterAll(async () => {
  client?.close();
  await service?.end("SIGKILL");
  for (const { id } of await engine.listContainers([`ai.stigmer.runner=${ID}`])) {
    await engine.removeContainer(id, { force: true, volumes: true });
  }
  await engine.removeImage(IMAGE, { force: true });
  await directory?.[Symbol.asyncDispose]();
});

/** A container that runs until it is removed. */
async function run(changes: Partial<ContainerOptions> = {}): Promise<string> {
  const { containerId } = await client.start({ image: IMAGE, cmd: ["sleep", "600"], autoRemove: false, ...changes });
  return containerId;
}

/** Ends the service as a crash would; it is back at once on the same port. */
async function crash(): Promise<void> {
  await service.end("SIGKILL");
  service = await DockerRunnerProcess.start(environment);
}

describe("the client and the real service", () => {
  test("agree on health, readiness and images", async () => {
    await client.health();
    await client.ready();
    await client.ensureImage({ image: IMAGE });
    await expect(client.ensureImage({ image: "somebody/else:1" })).rejects.toMatchObject({
      statusCode: 403,
      errorCode: "policy_denied",
    });
  });

  test("agree on a container's life", async () => {
    const idempotencyKey = randomUUID();
    const container = { image: IMAGE, cmd: ["sleep", "600"], autoRemove: false, labels: { suite: ID } };
    const started = await client.start(container, { idempotencyKey });
    expect(await client.start(container, { idempotencyKey })).toMatchObject({ containerId: started.containerId });
    const { containerId } = started;
    expect(await client.inspect(containerId)).toMatchObject({ Id: containerId, State: { Running: true } });
    expect(await client.labels(containerId)).toMatchObject({ suite: ID, "ai.stigmer.runner": ID });
    expect(await client.networks(containerId)).toHaveProperty("bridge");
    expect(await client.findByLabels({ labels: { suite: ID } })).toEqual([containerId]);
    expect(await client.listByVolume(`no-such-volume-${ID}`)).toEqual([]);
    await client.touch(containerId);
    await expect(client.remove({ containerId })).rejects.toMatchObject({ statusCode: 409 });
    await client.stop({ containerId, timeoutSec: 0 });
    expect(await client.findByLabels({ labels: { suite: ID } })).toEqual([]);
    expect(await client.findByLabels({ labels: { suite: ID }, all: true })).toEqual([containerId]);
    await client.remove({ containerId });
    await client.remove({ containerId });
    await expect(client.inspect(containerId)).rejects.toMatchObject({ statusCode: 404, retryable: false });
    await client.removeVolume({ volumeName: `no-such-volume-${ID}` }).catch((error: unknown) => {
      expect(error).toMatchObject({ statusCode: 403 }); // The strict policy names no volumes.
    });
  });

  test("agree on execs: output, exit code, environment, and what a time limit leaves", async () => {
    const containerId = await run();
    expect(await client.exec({ containerId, command: "echo out; echo err >&2; exit 3" })).toMatchObject({
      stdout: "out\n",
      stderr: "err\n",
      exitCode: 3,
    });
    const env = { GREETING: "hello world" };
    expect(await client.exec({ containerId, command: ["printenv", "GREETING"], options: { env } })).toMatchObject({
      stdout: "hello world\n",
    });
    const slow = { containerId, command: "echo begun; sleep 600", options: { timeoutMs: 1_000, killOnTimeout: true } };
    await expect(client.exec(slow)).rejects.toMatchObject({
      statusCode: 408,
      errorCode: "exec_timeout",
      retryable: false,
      details: { stdout: "begun\n", stderr: "", killed: true },
    });
    await client.remove({ containerId, force: true });
  });

  test("agree on an exec that takes longer than any other call may", async () => {
    const containerId = await run();
    const hurried = new DockerRunnerClient({
      baseUrl: `http://127.0.0.1:${environment["DOCKER_RUNNER_PORT"]}`,
      secret: SECRET,
      requestTimeoutMs: 500,
    });
    expect(await hurried.exec({ containerId, command: "sleep 2; echo done" })).toMatchObject({ stdout: "done\n" });
    hurried.close();
    await client.remove({ containerId, force: true });
  });

  test("agree on archives", async () => {
    const containerId = await run();
    const file = { path: "note.txt", content: "from outside\n", mode: 0o644, uid: 0, gid: 0, mtime: 0 };
    await client.putArchive({ containerId, path: "/", tar: tarFiles([file]) });
    expect(await client.exec({ containerId, command: ["cat", "/note.txt"] })).toMatchObject({
      stdout: "from outside\n",
    });
    await expect(
      client.putArchive({ containerId, path: "/no/such/folder", tar: tarFiles([file]) }),
    ).rejects.toMatchObject({
      statusCode: 404,
    });
    await expect(client.putArchive({ containerId, path: "/", tar: Buffer.alloc(2_048, "x") })).rejects.toMatchObject({
      statusCode: 400,
      errorCode: "docker_bad_request",
      retryable: false,
    });
    await client.remove({ containerId, force: true });
  });
});

describe("streams of the real service", () => {
  test("a log is read to its end", async () => {
    const containerId = await run({ cmd: ["sh", "-c", "seq 1 2000; echo last >&2"] });
    const lines: ContainerLogLine[] = [];
    for await (const line of client.logs({ containerId })) lines.push(line);
    expect(lines.filter(({ stream }) => stream === "stdout").map(({ line }) => Number(line.toString()))).toEqual(
      Array.from({ length: 2_000 }, (_line, index) => index + 1),
    );
    expect(lines.filter(({ stream }) => stream === "stderr").map(({ line }) => line.toString())).toEqual(["last"]);
    await expect(client.logs({ containerId: "no-such-container" }).next()).rejects.toMatchObject({ statusCode: 404 });
    await client.remove({ containerId, force: true });
  });

  test("a followed log goes on where a crash of the service cut it", async () => {
    const containerId = await run({ cmd: ["sh", "-c", "for i in $(seq 1 60); do echo $i; sleep 0.1; done"] });
    const numbers: number[] = [];
    for await (const { line } of client.logs({ containerId })) {
      numbers.push(Number(line.toString()));
      if (numbers.length === 10 || numbers.length === 25) await crash();
    }
    expect(numbers).toEqual(Array.from({ length: 60 }, (_line, index) => index + 1));
    await client.remove({ containerId, force: true });
  });

  test("events go on where a crash of the service cut them", async () => {
    const left = new AbortController();
    const seen: ContainerEvent[] = [];
    let second = "";
    const events = client.events({ since: String(Math.floor(Date.now() / 1_000)) }, { signal: left.signal });
    const collecting = (async () => {
      for await (const event of events) {
        seen.push(event);
        if (event.Action === "destroy" && event.Actor.ID === second) return;
      }
    })();
    const first = await run();
    await client.remove({ containerId: first, force: true });
    await crash();
    second = await run();
    await client.remove({ containerId: second, force: true });
    await collecting;
    left.abort();
    const lives = [first, second].flatMap((id) => ["create", "start", "destroy"].map((action) => `${action} ${id}`));
    const told = seen.map(({ Action, Actor }) => `${Action} ${Actor.ID}`);
    expect(told.filter((text) => lives.includes(text))).toEqual(lives);
  });
});

describe("an interactive exec of the real service", () => {
  async function talk(command: string | string[], changes: { tty?: boolean; env?: Record<string, string> } = {}) {
    const containerId = await run();
    const output = { stdout: "", stderr: "" };
    let heard: () => void = () => {};
    const exec = await client.interactiveExec(
      { containerId, command, ...changes },
      {
        onOutput: (stream, data) => {
          output[stream] += data.toString();
          heard();
        },
      },
    );
    return {
      exec,
      output,
      /** Resolves when stdout says this. */
      async hears(text: string): Promise<void> {
        while (!output.stdout.includes(text)) {
          await new Promise<void>((resolve) => {
            heard = resolve;
          });
        }
      },
      [Symbol.asyncDispose]: () => client.remove({ containerId, force: true }),
    };
  }

  test("reads its input to the end, keeps the streams apart and ends with its own code", async () => {
    await using talking = await talk("cat; echo $TOKEN >&2; exit 5", { env: { TOKEN: "from the frame" } });
    await talking.exec.write("one\n");
    await talking.exec.write("two\n");
    talking.exec.endInput();
    expect(await talking.exec.exited).toMatchObject({ execId: talking.exec.execId, exitCode: 5 });
    expect(talking.output).toEqual({ stdout: "one\ntwo\n", stderr: "from the frame\n" });
  });

  test("takes megabytes of input whole", async () => {
    await using talking = await talk("tr -d 'a\\n' | head -c 10; echo done");
    const input = Buffer.alloc(20 * 1024 * 1024, "a");
    await talking.exec.write(input);
    await talking.exec.write("the end\n");
    talking.exec.endInput();
    expect(await talking.exec.exited).toMatchObject({ exitCode: 0 });
    expect(talking.output.stdout).toBe("the enddone\n");
  });

  test("takes a signal", async () => {
    await using talking = await talk("trap 'echo caught; exit 7' TERM; echo begun; while :; do sleep 0.1; done");
    await talking.hears("begun");
    talking.exec.signal("SIGTERM");
    expect(await talking.exec.exited).toMatchObject({ exitCode: 7 });
    expect(talking.output.stdout).toContain("caught");
  });

  test("is ended by close, though it would go on", async () => {
    await using talking = await talk("echo begun; exec sleep 600");
    await talking.hears("begun");
    talking.exec.close();
    expect(await talking.exec.exited).toMatchObject({ exitCode: 137 });
  });

  test("brings megabytes of output unharmed, to a reader slower than the process", async () => {
    const containerId = await run();
    const pieces: Buffer[] = [];
    const exec = await client.interactiveExec(
      { containerId, command: ["seq", "1", "500000"] },
      {
        onOutput: async (_stream, data) => {
          pieces.push(data);
          await new Promise((resolve) => setImmediate(resolve));
        },
      },
    );
    expect(await exec.exited).toMatchObject({ exitCode: 0 });
    const numbers = Buffer.concat(pieces).toString().trim().split("\n");
    expect([numbers.length, numbers[0], numbers.at(-1)]).toEqual([500_000, "1", "500000"]);
    await client.remove({ containerId, force: true });
  });

  test("tells its failure: a container that does not run, and a service that goes", async () => {
    const containerId = await run();
    const exec = await client.interactiveExec({ containerId, command: ["sleep", "600"] }, { onOutput() {} });
    await crash();
    await expect(exec.exited).rejects.toMatchObject({ statusCode: 0, errorCode: "network_error" });
    await client.stop({ containerId, timeoutSec: 0 });
    const again = client.interactiveExec({ containerId, command: ["sleep", "600"] }, { onOutput() {} });
    await expect(again).rejects.toMatchObject({ errorCode: "container_not_running", retryable: false });
    await client.remove({ containerId, force: true });
  });
});
