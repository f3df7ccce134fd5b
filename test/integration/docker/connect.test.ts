import { createHash } from "node:crypto";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { listCandidates } from "../../../src/docker/candidates.ts";
import { connectDocker, discoverDocker } from "../../../src/docker/connect.ts";
import { type DialOptions, dialCandidates } from "../../../src/docker/discovery.ts";
import type { HostFacts } from "../../../src/docker/host-facts.ts";
import { buildFixture } from "../../support/build-fixture.ts";
import { leaveStaleSocket, serveFakeDocker, serveSocket } from "../../support/fake-docker.ts";
import { NOBODY, runAs } from "../../support/other-user.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const host: HostFacts = { platform: "linux", debianLike: true, wsl: false, systemd: false, uid: 0 };

/** One endpoint, named by DOCKER_HOST. The default deadline is shortened where a test waits for it. */
async function discoverAt(socketPath: string, timeoutMs = 5_000) {
  const env = { DOCKER_HOST: `unix://${socketPath}` };
  const options = { env, homeDir: dirname(socketPath), host, timeoutMs };
  const { candidates, chosen, reason } = await discoverDocker(options);
  const error = await connectDocker(options).catch((thrown: unknown) => thrown);
  return { chosen, reason, outcome: candidates[0]?.outcome, error };
}

describe("the endpoint that DOCKER_HOST names", () => {
  it("is chosen when an engine answers there", async () => {
    await using directory = await temporaryDirectory();
    await using docker = await serveFakeDocker(directory.file("d.sock"));
    const found = await discoverAt(docker.socketPath);
    expect(found).toMatchObject({
      outcome: "ok",
      reason: `DOCKER_HOST names unix://${docker.socketPath}`,
      chosen: { socketPath: docker.socketPath, source: "DOCKER_HOST" },
    });
  });

  it("is the only one tried when it is not there, though others would answer", async () => {
    await using directory = await temporaryDirectory();
    const found = await discoverAt(directory.file("absent.sock"));
    expect(found).toMatchObject({
      chosen: null,
      outcome: "absent",
      reason: expect.stringContaining("there is no socket"),
    });
    expect(found.error).toMatchObject({ message: expect.stringContaining("DOCKER_HOST") });
  });

  it("is not running when nobody serves its socket file", async () => {
    await using directory = await temporaryDirectory();
    await leaveStaleSocket(directory.file("d.sock"));
    const found = await discoverAt(directory.file("d.sock"));
    expect(found).toMatchObject({ outcome: "refused", error: { code: "DOCKER_NOT_RUNNING" } });
    expect(found.error).toMatchObject({ hint: expect.stringMatching(/dockerd.*--runtime process/) });
  });

  it("is not running when a plain file lies there", async () => {
    await using directory = await temporaryDirectory();
    await writeFile(directory.file("d.sock"), "");
    expect(await discoverAt(directory.file("d.sock"))).toMatchObject({ outcome: "refused" });
  });

  it("is not running when the other side hangs up without an answer", async () => {
    await using directory = await temporaryDirectory();
    await using _server = await serveSocket(directory.file("d.sock"), (socket) => socket.destroy());
    const found = await discoverAt(directory.file("d.sock"));
    expect(found).toMatchObject({ outcome: "refused", error: { code: "DOCKER_NOT_RUNNING" } });
  });

  it("is unresponsive when it accepts and never answers, and the deadline is named", async () => {
    await using directory = await temporaryDirectory();
    await using _server = await serveSocket(directory.file("d.sock"), () => {});
    const found = await discoverAt(directory.file("d.sock"), 200);
    expect(found).toMatchObject({ outcome: "unresponsive", error: { code: "DOCKER_UNRESPONSIVE" } });
    expect(found.error).toMatchObject({ message: expect.stringContaining("no answer within 0.1 s") });
  });

  it("is unresponsive when its answer never ends", async () => {
    await using directory = await temporaryDirectory();
    await using _server = await serveSocket(directory.file("d.sock"), (socket) => {
      socket.write("HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nO");
    });
    expect(await discoverAt(directory.file("d.sock"), 200)).toMatchObject({ outcome: "unresponsive" });
  });

  it.each([
    ["something that is not HTTP", "garbage", "\u0000\u0001SSH-2.0-OpenSSH\r\n"],
    ["another web server", "garbage", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"],
    ["a web page", "garbage", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"],
    [
      "a proxy whose engine is starting",
      "unresponsive",
      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    ],
  ])("is of no use when it is %s", async (_name, outcome, answer) => {
    await using directory = await temporaryDirectory();
    await using _server = await serveSocket(directory.file("d.sock"), (socket) => socket.end(answer));
    const found = await discoverAt(directory.file("d.sock"));
    expect(found).toMatchObject({ chosen: null, outcome, error: { code: "DOCKER_UNRESPONSIVE" } });
  });

  it("is of no use when it answers without end", async () => {
    await using directory = await temporaryDirectory();
    await using _server = await serveSocket(directory.file("d.sock"), (socket) => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      const flood = () => {
        while (socket.write("x".repeat(1000)));
      };
      socket.on("drain", flood);
      flood();
    });
    expect(await discoverAt(directory.file("d.sock"))).toMatchObject({ outcome: "garbage" });
  });

  it.runIf(process.getuid?.() === 0)("is forbidden to a user whom its socket does not let in", async () => {
    await using directory = await temporaryDirectory();
    await chmod(directory.path, 0o755);
    await using docker = await serveFakeDocker(directory.file("d.sock"));
    await chmod(docker.socketPath, 0o600);
    const program = await buildFixture("docker/discover.ts", directory.path);
    const found = await runAs(NOBODY, program, [docker.socketPath]);
    expect(found).toMatchObject({
      outcomes: ["forbidden"],
      error: { code: "DOCKER_PERMISSION_DENIED", hint: expect.stringMatching(/usermod -aG docker.*log in again/) },
    });
  });

  it("that cannot be dialled is said so at once", async () => {
    const options = { env: { DOCKER_HOST: "ssh://box" }, homeDir: "/nonexistent", host };
    expect((await discoverDocker(options)).candidates).toMatchObject([{ outcome: "unsupported" }]);
    await expect(connectDocker(options)).rejects.toMatchObject({
      message: expect.stringContaining("ssh:// is not dialled"),
    });
  });

  it("is given up at once when the caller aborts", async () => {
    await using directory = await temporaryDirectory();
    await using _server = await serveSocket(directory.file("d.sock"), () => controller.abort(new Error("Ctrl-C")));
    const controller = new AbortController();
    const env = { DOCKER_HOST: `unix://${directory.file("d.sock")}` };
    const options = { env, homeDir: directory.path, host, signal: controller.signal };
    await expect(discoverDocker(options)).rejects.toThrow("Ctrl-C");
    await expect(discoverDocker(options)).rejects.toThrow("Ctrl-C");
  });
});

describe("a Docker context", () => {
  async function writeContext(configDir: string, name: string, metadata: string): Promise<void> {
    const folder = join(configDir, "contexts", "meta", createHash("sha256").update(name).digest("hex"));
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "meta.json"), metadata);
  }
  const endpointAt = (socketPath: string) =>
    JSON.stringify({ Endpoints: { docker: { Host: `unix://${socketPath}` } } });

  it("is used when config.json makes it the current one", async () => {
    await using home = await temporaryDirectory();
    await using docker = await serveFakeDocker(home.file("d.sock"));
    await writeContext(home.file(".docker"), "work", endpointAt(docker.socketPath));
    await writeFile(home.file(".docker/config.json"), JSON.stringify({ currentContext: "work" }));
    const { chosen, reason } = await discoverDocker({ env: {}, homeDir: home.path, host });
    expect(chosen).toMatchObject({ socketPath: docker.socketPath, source: "context work" });
    expect(reason).toBe(`context work names unix://${docker.socketPath}`);
  });

  it("of DOCKER_CONTEXT beats the current one, in the folder of DOCKER_CONFIG", async () => {
    await using home = await temporaryDirectory();
    await using docker = await serveFakeDocker(home.file("d.sock"));
    await writeContext(home.file("cfg"), "other", endpointAt(docker.socketPath));
    await writeFile(home.file("cfg/config.json"), JSON.stringify({ currentContext: "work" }));
    const env = { DOCKER_CONFIG: home.file("cfg"), DOCKER_CONTEXT: "other" };
    const { chosen } = await discoverDocker({ env, homeDir: "/nonexistent", host });
    expect(chosen).toMatchObject({ socketPath: docker.socketPath, source: "context other" });
  });

  it("that does not exist, or is damaged, is an error and no other engine is used", async () => {
    await using home = await temporaryDirectory();
    await writeContext(home.file(".docker"), "damaged", "{");
    await writeContext(home.file(".docker"), "empty", "{}");
    for (const [name, problem] of [
      ["missing", /context missing.*there is no such context/],
      ["damaged", /context damaged.*cannot be read/],
      ["empty", /context empty.*names no Docker endpoint/],
    ] as const) {
      const options = { env: { DOCKER_CONTEXT: name }, homeDir: home.path, host };
      await expect(connectDocker(options)).rejects.toMatchObject({
        code: "DOCKER_NOT_RUNNING",
        message: expect.stringMatching(problem),
        actions: expect.arrayContaining([expect.objectContaining({ command: "docker context use default" })]),
      });
    }
  });

  it("called default leaves the choice to the known places", async () => {
    await using home = await temporaryDirectory();
    const { explicit } = await discoverDocker({ env: { DOCKER_CONTEXT: "default" }, homeDir: home.path, host });
    expect(explicit).toBe(false);
  });
});

describe("the known places", () => {
  /** All places below one folder: those of the machine itself are no matter of this test. */
  function candidatesBelow(directory: string) {
    const env = { XDG_RUNTIME_DIR: join(directory, "run") };
    const { candidates } = listCandidates({ env, homeDir: directory, host, context: null, limaInstances: ["vm"] });
    return candidates.filter(({ endpoint }) => endpoint.socketPath?.startsWith(directory));
  }
  const dialBelow = (directory: string, over: Partial<DialOptions> = {}) =>
    dialCandidates(candidatesBelow(directory), {
      host,
      timeoutMs: 20_000,
      preferenceMs: 20_000,
      signal: undefined,
      ...over,
    });

  it.each(["run", ".docker/run", ".orbstack/run", ".colima/default", ".rd", ".lima/vm/sock"])(
    "are all dialled: %s/docker.sock",
    async (folder) => {
      await using home = await temporaryDirectory();
      await mkdir(home.file(folder), { recursive: true });
      await using docker = await serveFakeDocker(home.file(`${folder}/docker.sock`));
      const { candidates, chosen } = await dialBelow(home.path);
      expect(chosen?.socketPath).toBe(docker.socketPath);
      expect(candidates.filter(({ outcome }) => outcome === "ok")).toHaveLength(1);
    },
  );

  it("the best that answers wins over one that answers first, and the worse is not awaited", async () => {
    await using home = await temporaryDirectory();
    await mkdir(home.file("run"));
    await mkdir(home.file(".rd"));
    const slow: (() => void)[] = [];
    await using _best = await serveSocket(home.file("run/docker.sock"), (socket) => {
      slow.push(() => socket.end("HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK"));
    });
    await using _fast = await serveSocket(home.file(".rd/docker.sock"), (socket) => {
      socket.resume().end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
      // Closed means that this answer was taken; only then the better place gives its own.
      socket.once("close", () => {
        for (const answer of slow) answer();
      });
    });
    expect((await dialBelow(home.path)).chosen?.socketPath).toBe(home.file("run/docker.sock"));
  });

  it("one that hangs does not hold up a worse one that answers for its whole deadline", async () => {
    await using home = await temporaryDirectory();
    await mkdir(home.file("run"));
    await mkdir(home.file(".rd"));
    await using _mute = await serveSocket(home.file("run/docker.sock"), () => {});
    await using docker = await serveFakeDocker(home.file(".rd/docker.sock"));
    const { candidates, chosen } = await dialBelow(home.path, { timeoutMs: 600_000, preferenceMs: 50 });
    expect(chosen?.socketPath).toBe(docker.socketPath);
    expect(candidates[0]).toMatchObject({ outcome: "skipped" });
  });

  it("a link shows whose engine it is", async () => {
    await using home = await temporaryDirectory();
    await mkdir(home.file("run"));
    await mkdir(home.file(".orbstack/run"), { recursive: true });
    await using docker = await serveFakeDocker(home.file(".orbstack/run/docker.sock"));
    await symlink(docker.socketPath, home.file("run/docker.sock"));
    const { chosen } = await dialBelow(home.path);
    expect(chosen).toMatchObject({ socketPath: home.file("run/docker.sock"), flavour: "orbstack" });
  });
});
