import { connect } from "node:net";
import { serveSocket } from "./fake-docker.ts";

const ENGINE_SOCKET = (process.env["DOCKER_HOST"] ?? "").replace(/^unix:\/\//, "") || "/var/run/docker.sock";

export interface SlowDocker extends AsyncDisposable {
  readonly socketPath: string;
  /** Resolves when a container is to be created; the engine hears of it once `release` was called. */
  readonly asked: Promise<void>;
  release(): void;
  /** Resolves when the engine has done what it was asked for. */
  readonly done: Promise<void>;
}

/** The real engine behind a socket of its own, on which the creation of a container takes as long as the test says. */
export async function serveSlowDocker(socketPath: string): Promise<SlowDocker> {
  let tellAsked = (): void => {};
  let release = (): void => {};
  const asked = new Promise<void>((resolve) => {
    tellAsked = resolve;
  });
  let tellDone = (): void => {};
  const done = new Promise<void>((resolve) => {
    tellDone = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const server = await serveSocket(socketPath, (client) => {
    const engine = connect(ENGINE_SOCKET);
    engine.on("error", () => client.destroy());
    client.on("error", () => engine.destroy());
    engine.pipe(client);
    let passedOn = Promise.resolve();
    client.on("data", (chunk: Buffer) => {
      if (/^POST \S*\/containers\/create/.test(chunk.toString("latin1"))) {
        tellAsked();
        passedOn = passedOn.then(() => released);
        engine.once("data", tellDone).once("close", tellDone);
      }
      passedOn = passedOn.then(() => void engine.write(chunk));
    });
    client.on("close", () => {
      engine.resume(); // Nobody reads its answer any more.
      void passedOn.then(() => engine.end());
    });
  });
  return { socketPath, asked, release, done, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
