import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { describe, expect, it } from "vitest";
import { connectDocker } from "../../../src/docker/connect.ts";
import { containerCreateBody } from "../../../src/docker/container-create.ts";
import type { ContainerSpecification, DockerEndpoint, DockerEngine } from "../../../src/docker/engine.ts";
import { createEngine } from "../../../src/docker/engine-dockerode.ts";
import { type AnswerRequest, serveFakeDocker, serveSocket } from "../../support/fake-docker.ts";
import { logFrame } from "../../support/log-frame.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const ID = "a".repeat(64);

function endpointAt(socketPath: string): DockerEndpoint {
  return { url: `unix://${socketPath}`, socketPath, source: "test", flavour: "unknown" };
}

/** An engine over a fake daemon that answers as the test says. */
async function openFake(answer?: AnswerRequest, apiVersion?: string | null) {
  const directory = await temporaryDirectory();
  const docker = await serveFakeDocker(directory.file("d.sock"), answer, apiVersion);
  const engine = await createEngine(endpointAt(docker.socketPath), { configDir: directory.path, env: {} });
  return {
    docker,
    engine,
    async [Symbol.asyncDispose]() {
      await docker[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

function answerJson(response: ServerResponse, statusCode: number, body: object): void {
  response.writeHead(statusCode, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const specification: ContainerSpecification = {
  name: "fake",
  image: "image:tag",
  labels: {},
  env: { PASSWORD: "in-the-body-only" },
  user: "1000:1000",
  networkMode: "none",
  extraHosts: [],
  binds: [],
  memoryBytes: 0,
  pidsLimit: 10,
  command: null,
  init: true,
  logMaxSizeBytes: 1024,
  logMaxFiles: 1,
};

describe("the version of the API", () => {
  it.each([
    ["an old engine's own", "1.41", "/v1.41"],
    ["the newest we know, with a newer engine", "1.52", "/v1.44"],
    ["left open, with an engine that does not tell", null, ""],
  ])("is %s", async (_name, apiVersion, prefix) => {
    await using fake = await openFake((_request, response) => answerJson(response, 200, []), apiVersion);
    await fake.engine.listContainers(["a=b"]);
    const filters = encodeURIComponent(JSON.stringify({ label: ["a=b"] }));
    expect(fake.docker.requests).toEqual([`GET ${prefix}/containers/json?all=1&filters=${filters}`]);
  });

  it("is agreed anew with the engine that is back after a restart", async () => {
    await using fake = await openFake((_request, response) => answerJson(response, 404, { message: "no" }), "1.41");
    expect(await fake.engine.inspectContainer("x")).toBeNull();
    await fake.docker.crash();
    await expect(fake.engine.inspectContainer("x")).rejects.toMatchObject({ code: "DOCKER_NOT_RUNNING" });
    await using upgraded = await serveFakeDocker(
      fake.docker.socketPath,
      (_request, response) => answerJson(response, 404, { message: "no" }),
      "1.44",
    );
    expect(await fake.engine.inspectContainer("x")).toBeNull();
    expect(upgraded.requests).toEqual(["GET /v1.44/containers/x/json?"]);
  });
});

describe("a request", () => {
  it("carries the environment of a container in its body, never in its URL", async () => {
    let sent = "";
    await using fake = await openFake((request, response) => {
      request.on("data", (chunk) => {
        sent += chunk;
      });
      request.on("end", () => answerJson(response, 201, { Id: ID }));
    });
    expect(await fake.engine.createContainer(specification)).toBe(ID);
    expect(fake.docker.requests).toEqual(["POST /v1.41/containers/create?name=fake"]);
    expect(JSON.parse(sent)).toEqual(containerCreateBody(specification));
  });

  it("goes to its own endpoint, whatever DOCKER_HOST of this process says", async () => {
    const before = process.env["DOCKER_HOST"];
    process.env["DOCKER_HOST"] = "tcp://127.0.0.1:1";
    try {
      await using fake = await openFake();
      await fake.engine.ping();
    } finally {
      if (before === undefined) delete process.env["DOCKER_HOST"];
      else process.env["DOCKER_HOST"] = before;
    }
  });

  it("names with odd characters stay names", async () => {
    await using fake = await openFake((_request, response) => answerJson(response, 404, { message: "no" }));
    await fake.engine.inspectContainer("../images/x?y");
    await fake.engine.inspectImage("host:5000/a/b:c");
    expect(fake.docker.requests).toEqual([
      "GET /v1.41/containers/..%2Fimages%2Fx%3Fy/json?",
      "GET /v1.41/images/host%3A5000/a/b%3Ac/json?",
    ]);
  });
});

describe("what is already so", () => {
  const refuse =
    (statusCode: number): AnswerRequest =>
    (_request, response) =>
      answerJson(response, statusCode, { message: "the engine's words" });

  it.each<[string, number, (engine: DockerEngine) => Promise<unknown>]>([
    ["start of a running container", 304, (engine) => engine.startContainer(ID)],
    ["stop of a stopped container", 304, (engine) => engine.stopContainer(ID, 0)],
    ["stop of a removed container", 404, (engine) => engine.stopContainer(ID, 0)],
    ["kill of a stopped container", 409, (engine) => engine.killContainer(ID, "SIGKILL")],
    ["remove of a removed container", 404, (engine) => engine.removeContainer(ID)],
    ["remove of a removed image", 404, (engine) => engine.removeImage("a:b")],
  ])("%s succeeds", async (_name, statusCode, call) => {
    await using fake = await openFake(
      statusCode === 304 ? (_request, response) => response.writeHead(304).end() : refuse(statusCode),
    );
    await call(fake.engine);
  });

  it.each<[string, number, (engine: DockerEngine) => Promise<unknown>]>([
    ["start of a removed container", 404, (engine) => engine.startContainer(ID)],
    ["remove of a running container", 409, (engine) => engine.removeContainer(ID)],
    ["inspect by an engine in trouble", 500, (engine) => engine.inspectContainer(ID)],
    ["wait for a removed container", 404, (engine) => engine.waitContainer(ID)],
  ])("is not %s: it rejects with the engine's status and words", async (_name, statusCode, call) => {
    await using fake = await openFake(refuse(statusCode));
    await expect(call(fake.engine)).rejects.toMatchObject({
      name: "DockerRequestError",
      statusCode,
      message: "the engine's words",
    });
  });

  it("a removal that another began is waited for", async () => {
    await using fake = await openFake((request, response) => {
      if (request.method === "DELETE") {
        answerJson(response, 409, { message: `removal of container ${ID} is already in progress` });
      } else {
        answerJson(response, 200, { StatusCode: 0 });
      }
    });
    await fake.engine.removeContainer(ID);
    expect(fake.docker.requests).toEqual([
      `DELETE /v1.41/containers/${ID}?force=false&v=false`,
      `POST /v1.41/containers/${ID}/wait?condition=removed`,
    ]);
  });
});

describe("an engine that is in trouble", () => {
  it("dying in the middle of a wait rejects the wait at once", async () => {
    await using fake = await openFake((_request, response) => {
      response.writeHead(200, { "Content-Type": "application/json" }).flushHeaders();
      setImmediate(() => void fake.docker.crash());
    });
    await expect(fake.engine.waitContainer(ID)).rejects.toMatchObject({ code: "DOCKER_NOT_RUNNING" });
  });

  it("dying before it answers rejects the call", async () => {
    await using fake = await openFake((request) => request.socket.destroy());
    await expect(fake.engine.inspectContainer(ID)).rejects.toMatchObject({ code: "DOCKER_NOT_RUNNING" });
  });

  it("that never answers rejects with the call, the endpoint and the deadline", async () => {
    await using fake = await openFake(() => {});
    await expect(fake.engine.inspectContainer(ID, { timeoutMs: 50 })).rejects.toMatchObject({
      code: "DOCKER_UNRESPONSIVE",
      message: `Docker at unix://${fake.docker.socketPath} (test) did not answer GET /containers/${ID}/json within 0.05 s`,
    });
  });

  it("that begins an answer and never ends it is no better", async () => {
    await using fake = await openFake((_request, response) => response.write('{"Id":'));
    const call = fake.engine.inspectContainer(ID, { timeoutMs: 50 });
    await expect(call).rejects.toMatchObject({ code: "DOCKER_UNRESPONSIVE" });
  });

  it("that accepts and does not even say its version is unresponsive, not old", async () => {
    await using directory = await temporaryDirectory();
    await using _mute = await serveSocket(directory.file("d.sock"), () => {});
    const engine = await createEngine(endpointAt(directory.file("d.sock")));
    await expect(engine.info({ timeoutMs: 50 })).rejects.toMatchObject({ code: "DOCKER_UNRESPONSIVE" });
    await expect(engine.ping({ timeoutMs: 50 })).rejects.toMatchObject({ code: "DOCKER_UNRESPONSIVE" });
  });

  it("that answers garbage is told from one that is not running", async () => {
    await using directory = await temporaryDirectory();
    await using _garbage = await serveSocket(directory.file("d.sock"), (socket) =>
      socket.end("no HTTP at all\r\n\r\n"),
    );
    const engine = await createEngine(endpointAt(directory.file("d.sock")));
    await expect(engine.info()).rejects.toMatchObject({
      code: "DOCKER_UNRESPONSIVE",
      message: expect.stringContaining("no Docker engine"),
    });
  });

  it("is left at once when the caller aborts, with the caller's reason", async () => {
    const controller = new AbortController();
    await using fake = await openFake(() => controller.abort(new Error("Ctrl-C")));
    const call = fake.engine.inspectContainer(ID, { signal: controller.signal });
    await expect(call).rejects.toThrow("Ctrl-C");
    await expect(fake.engine.listContainers([], { signal: controller.signal })).rejects.toThrow("Ctrl-C");
  });
});

describe("events", () => {
  const event = (action: string) => ({
    Action: action,
    Actor: { ID, Attributes: { name: "x" } },
    time: 1,
    timeNano: 1_234_567_890,
  });
  const watch = (engine: DockerEngine, signal = new AbortController().signal) =>
    engine.events({ labels: ["a=b"], sinceMs: 1_700_000_000_123, signal });

  it("ask for containers, labels and a time, and come once each however they are cut", async () => {
    await using fake = await openFake((_request, response) => {
      const text = `${JSON.stringify(event("start"))}\n${JSON.stringify(event("die"))}\n`;
      response.write(text.slice(0, 30));
      setImmediate(() => response.end(text.slice(30)));
    });
    expect(await collect(watch(fake.engine))).toEqual(
      ["start", "die"].map((action) => ({
        kind: "container",
        action,
        containerId: ID,
        timeMs: 1234,
        attributes: { name: "x" },
      })),
    );
    const url = new URL(fake.docker.requests[0]?.replace("GET ", "http://x") ?? "");
    expect(url.searchParams.get("since")).toBe("1700000000.123");
    expect(url.searchParams.get("filters")).toBe('{"type":["container"],"label":["a=b"]}');
  });

  it("end when the engine dies, after what it said", async () => {
    await using fake = await openFake((_request, response) => {
      response.write(`${JSON.stringify(event("start"))}\n`, () => void fake.docker.crash());
    });
    expect(await collect(watch(fake.engine))).toHaveLength(1);
    await expect(collect(watch(fake.engine))).rejects.toMatchObject({ code: "DOCKER_NOT_RUNNING" });
  });

  it("end quietly when the caller aborts", async () => {
    const controller = new AbortController();
    await using fake = await openFake((_request, response) => {
      response.flushHeaders();
      setImmediate(() => controller.abort());
    });
    expect(await collect(watch(fake.engine, controller.signal))).toEqual([]);
  });
});

describe("logs", () => {
  const options = { follow: true, tail: "all", since: null, until: null } as const;
  const answerLogs =
    (write: (response: ServerResponse) => void): AnswerRequest =>
    (request, response) => {
      if (request.url?.includes("/json")) answerJson(response, 200, { Config: { Tty: false } });
      else write(response);
    };

  it("of a container that is not there reject with 404", async () => {
    await using fake = await openFake((_request, response) => answerJson(response, 404, { message: "no such" }));
    const lines = fake.engine.logs(ID, { ...options, signal: new AbortController().signal });
    await expect(collect(lines)).rejects.toMatchObject({ statusCode: 404 });
  });

  it("that are followed when the engine dies reject after the lines that came", async () => {
    await using fake = await openFake(
      answerLogs((response) => response.write(logFrame("stdout", "T hello\n"), () => void fake.docker.crash())),
    );
    const lines: string[] = [];
    const follow = async () => {
      for await (const { line } of fake.engine.logs(ID, { ...options, signal: new AbortController().signal })) {
        lines.push(line.toString());
      }
    };
    await expect(follow()).rejects.toMatchObject({ code: "DOCKER_NOT_RUNNING" });
    expect(lines).toEqual(["hello"]);
  });

  it("end their request when the reader leaves, and end quietly when it aborts", async () => {
    const closed: Promise<unknown>[] = [];
    await using fake = await openFake(
      answerLogs((response) => {
        closed.push(once(response, "close"));
        response.write(logFrame("stdout", "T hello\n"));
      }),
    );
    for await (const _line of fake.engine.logs(ID, { ...options, signal: new AbortController().signal })) break;
    const controller = new AbortController();
    for await (const _line of fake.engine.logs(ID, { ...options, signal: controller.signal })) controller.abort();
    expect(closed).toHaveLength(2);
    await Promise.all(closed);
  });

  it("wait for a slow reader: the engine is held back", async () => {
    const frame = logFrame("stdout", `T ${"x".repeat(16_000)}\n`);
    const total = 4_000;
    let written = 0;
    await using fake = await openFake(
      answerLogs((response) => {
        const write = () => {
          while (written < total) {
            written += 1;
            if (!response.write(frame)) return void response.once("drain", write);
          }
          response.end();
        };
        write();
      }),
    );
    let read = 0;
    let furthestAhead = 0;
    for await (const _line of fake.engine.logs(ID, { ...options, signal: new AbortController().signal })) {
      read += 1;
      furthestAhead = Math.max(furthestAhead, written - read);
      await new Promise(setImmediate); // One line for each turn of the loop, in which four more could arrive.
    }
    expect(read).toBe(total);
    expect(furthestAhead).toBeLessThan(500);
  });
});

describe("an engine behind TCP", () => {
  it("is refused in plain words when nobody listens", async () => {
    const address = { url: "tcp://127.0.0.1:1", socketPath: null, source: "DOCKER_HOST", flavour: "unknown" } as const;
    const engine = await createEngine(address);
    await expect(engine.ping()).rejects.toMatchObject({ code: "DOCKER_NOT_RUNNING" });
  });

  it.runIf(hasOpenssl())("with TLS is found and used with the client's certificate, and not without it", async () => {
    await using directory = await temporaryDirectory();
    const [key, cert] = makeCertificate(directory);
    const server = createHttpsServer({ key, cert, ca: cert, requestCert: true }, (request, response) => {
      response.setHeader("Api-Version", "1.41");
      if (request.url?.startsWith("/_ping")) response.end("OK");
      else answerJson(response, 200, []);
    });
    server.listen(0, "localhost");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const env = { DOCKER_HOST: `tcp://localhost:${port}`, DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: directory.path };
    try {
      const engine = await connectDocker({ env, homeDir: directory.path });
      expect(await engine.listContainers([])).toEqual([]);
      const bare = { ...env, DOCKER_CERT_PATH: directory.file("empty") };
      await expect(connectDocker({ env: bare, homeDir: directory.path })).rejects.toMatchObject({
        message: expect.stringMatching(/Docker cannot be reached: tcp:.*self-signed/),
        actions: expect.arrayContaining([expect.objectContaining({ command: "unset DOCKER_HOST" })]),
      });
    } finally {
      server.close();
    }
  });
});

function hasOpenssl(): boolean {
  return spawnSync("openssl", ["version"]).status === 0;
}

/** One self-signed certificate that serves as authority, server and client. */
function makeCertificate(directory: { path: string; file(name: string): string }): [Buffer, Buffer] {
  const [key, cert] = [directory.file("key.pem"), directory.file("cert.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const made = [
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    "2",
    "-keyout",
    key,
    "-out",
    cert,
    ...subject,
  ];
  execFileSync("openssl", made, { stdio: "ignore" });
  copyFileSync(cert, directory.file("ca.pem"));
  return [readFileSync(key), readFileSync(cert)];
}
