import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import type { InteractiveOptions } from "../../../src/docker-runner/client/interactive-exec.ts";
import { FakeDockerRunner } from "../../support/fake-docker-runner.ts";

const REQUEST = {
  containerId: "c",
  command: ["psql", "--password", "in the frame"],
  env: { TOKEN: "in the frame, too" },
  tty: true,
};
const EXIT = { type: "exit", execId: "e", exitCode: 3, stdout: "", stderr: "" };

/** The service's side of one conversation. */
class Scene implements AsyncDisposable {
  readonly fake: FakeDockerRunner;
  readonly #accepted: Promise<WebSocket>;
  readonly #sockets: Set<WebSocket>;
  readonly frames: unknown[] = [];
  url = "";

  static async open(): Promise<Scene> {
    return new Scene(await FakeDockerRunner.open());
  }

  private constructor(fake: FakeDockerRunner) {
    this.fake = fake;
    const server = new WebSocketServer({ server: fake.server });
    this.#sockets = server.clients;
    this.#accepted = new Promise((resolve) => {
      server.once("connection", (socket, request) => {
        this.url = request.url ?? "";
        socket.on("message", (data) => this.frames.push(JSON.parse(String(data))));
        socket.once("message", () => resolve(socket));
      });
    });
  }

  /** Resolves once the client has sent its first frame. */
  get socket(): Promise<WebSocket> {
    return this.#accepted;
  }

  async send(...frames: unknown[]): Promise<void> {
    const socket = await this.socket;
    for (const frame of frames) socket.send(JSON.stringify(frame));
  }

  /** The process runs; what it prints is collected. */
  async run(options: Partial<InteractiveOptions> = {}) {
    const output: string[] = [];
    const onOutput = (stream: string, data: Buffer): void => {
      output.push(`${stream}: ${data}`);
    };
    const opening = this.fake.client().interactiveExec(REQUEST, { onOutput, ...options });
    await this.send({ type: "ready", execId: "e" });
    return { exec: await opening, output };
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.terminate();
    return this.fake[Symbol.asyncDispose]();
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

describe("an interactive exec", () => {
  test("tells its command and environment in the first frame, and nothing of it in the URL", async () => {
    await using scene = await Scene.open();
    const { exec } = await scene.run();
    expect(exec.execId).toBe("e");
    expect(scene.url).toBe("/v1/exec/interactive/ws?containerId=c");
    const { containerId: _containerId, ...start } = REQUEST;
    expect(scene.frames[0]).toEqual({ type: "start", ...start });
  });

  test("gives its output in order, and its exit after all of it", async () => {
    await using scene = await Scene.open();
    const { exec, output } = await scene.run();
    const pieces = Array.from({ length: 300 }, (_piece, index) => `piece ${index}`);
    await scene.send(...pieces.map((text) => ({ type: "stdout", data: base64(text) })));
    await scene.send({ type: "stderr", data: base64("warning") }, EXIT);
    expect(await exec.exited).toEqual({ execId: "e", exitCode: 3, stdout: "", stderr: "" });
    expect(output).toEqual([...pieces.map((text) => `stdout: ${text}`), "stderr: warning"]);
  });

  test("takes input, its end, a size and a signal in order", async () => {
    await using scene = await Scene.open();
    const { exec } = await scene.run();
    await exec.write("select 1;\n");
    await exec.write(new Uint8Array([0, 255]));
    exec.resize({ cols: 120, rows: 40 });
    exec.signal("SIGINT");
    exec.endInput();
    exec.close();
    const socket = await scene.socket;
    while (scene.frames.length < 7) await once(socket, "message");
    expect(scene.frames.slice(1)).toEqual([
      { type: "stdin", data: base64("select 1;\n") },
      { type: "stdin", data: Buffer.from([0, 255]).toString("base64") },
      { type: "resize", cols: 120, rows: 40 },
      { type: "signal", signal: "SIGINT" },
      { type: "eof" },
      { type: "close" },
    ]);
  });

  test("is held up by a slow reader instead of filling the memory", async () => {
    await using scene = await Scene.open();
    let read: () => void = () => {};
    const reading = new Promise<void>((resolve) => {
      read = resolve;
    });
    let bytes = 0;
    const { exec } = await scene.run({
      onOutput: async (_stream, data) => {
        bytes += data.length;
        await reading;
      },
    });
    const socket = await scene.socket;
    const piece = JSON.stringify({ type: "stdout", data: Buffer.alloc(64 * 1024).toString("base64") });
    let written = 0;
    for (let count = 0; count < 400; count += 1) {
      socket.send(piece, () => {
        written += 1;
      });
    }
    socket.send(JSON.stringify(EXIT));
    // A reader that took everything would have it all by the time that a thousand turns of the loop are over.
    for (let turn = 0; turn < 1_000; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(bytes).toBe(64 * 1024);
    expect(written).toBeLessThan(400);
    read();
    await exec.exited;
    expect(bytes).toBe(400 * 64 * 1024);
  });
});

describe("an interactive exec that fails", () => {
  test("is refused with the error of the answer, when the upgrade is", async () => {
    await using fake = await FakeDockerRunner.open((_request, response) => {
      response.writeHead(401, { "content-type": "application/json" });
      response.end('{"error":{"code":"invalid_signature","message":"no","retryable":false}}');
    });
    await expect(fake.client().interactiveExec(REQUEST, { onOutput() {} })).rejects.toMatchObject({
      statusCode: 401,
      errorCode: "invalid_signature",
    });
  });

  test("says what the error frame says", async () => {
    await using scene = await Scene.open();
    const opening = scene.fake.client().interactiveExec(REQUEST, { onOutput() {} });
    const error = { code: "container_not_running", message: "it does not run", retryable: false };
    await scene.send({ type: "error", error });
    (await scene.socket).close(1011);
    await expect(opening).rejects.toMatchObject({ errorCode: "container_not_running", message: "it does not run" });
  });

  test("after it began tells it by its exit, when the connection breaks or the service errs", async () => {
    await using scene = await Scene.open();
    const { exec } = await scene.run();
    (await scene.socket).terminate();
    await expect(exec.exited).rejects.toMatchObject({ statusCode: 0, errorCode: "network_error" });
    await expect(exec.write("too late")).rejects.toMatchObject({ errorCode: "network_error" });
    exec.close();
  });

  test("ends with the error of who takes its output", async () => {
    await using scene = await Scene.open();
    const { exec } = await scene.run({
      onOutput: () => {
        throw new Error("the disk is full");
      },
    });
    await scene.send({ type: "stdout", data: base64("x") });
    await expect(exec.exited).rejects.toThrow("the disk is full");
  });

  test("ends the connection when the caller aborts, before it began and after", async () => {
    await using scene = await Scene.open();
    const caller = new AbortController();
    const { exec } = await scene.run({ signal: caller.signal });
    const closed = once(await scene.socket, "close");
    caller.abort(new Error("the caller left"));
    await expect(exec.exited).rejects.toThrow("the caller left");
    await closed;
    const again = scene.fake.client().interactiveExec(REQUEST, { onOutput() {}, signal: caller.signal });
    await expect(again).rejects.toThrow("the caller left");
  });

  test("does not wait for ever to begin", async () => {
    await using scene = await Scene.open();
    const client = scene.fake.client({ requestTimeoutMs: 200 });
    await expect(client.interactiveExec(REQUEST, { onOutput() {} })).rejects.toMatchObject({
      errorCode: "network_error",
    });
  });
});
