import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { createInterface } from "node:readline";
import { describe, expect, test } from "vitest";
import { buildFixture } from "../../support/build-fixture.ts";
import { pingDocker } from "../../support/docker-ping.ts";
import { isAlive } from "../../support/dockerd-remains.ts";
import { canRunPrivateDockerd, type PrivateDockerd, startPrivateDockerd } from "../../support/private-dockerd.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

describe.skipIf(!canRunPrivateDockerd())("a private dockerd", () => {
  test("a killed daemon is silent while its container lives; restarted, it answers at the same socket", async () => {
    await using parent = await temporaryDirectory();
    const dockerd = await startPrivateDockerd(parent.path);
    try {
      const container = await runSleeper(dockerd);
      const firstPid = dockerd.pid;

      await dockerd.kill();
      expect(dockerd.pid).toBe(0);
      expect(await pingDocker(dockerd.socket)).toBe(false);
      expect(isAlive(container)).toBe(true);

      await dockerd.restart();
      expect(await pingDocker(dockerd.socket)).toBe(true);
      expect(dockerd.pid).not.toBe(firstPid);
    } finally {
      await dockerd.stop();
    }
  });

  test("a stop after a crash leaves no container, no mount and no file", async () => {
    await using parent = await temporaryDirectory();
    const dockerd = await startPrivateDockerd(parent.path);
    const container = await runSleeper(dockerd);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).toContain(dockerd.directory);

    await dockerd.kill();
    await dockerd.stop();
    await dockerd.stop();

    expect(isAlive(container)).toBe(false);
    expect(existsSync(dockerd.directory)).toBe(false);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(dockerd.directory);
  });

  test("the next start ends what a killed test run left, and leaves a living neighbour alone", async () => {
    await using parent = await temporaryDirectory();
    const neighbour = await startPrivateDockerd(parent.path);
    const run = spawn(process.execPath, [await buildFixture("dockerd/leave-dockerd.ts", parent.path), parent.path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = await once(createInterface(run.stdout), "line");
    const left = JSON.parse(line);
    run.kill("SIGKILL");
    await once(run, "exit");
    expect(isAlive(left.pid)).toBe(true);

    const next = await startPrivateDockerd(parent.path);
    try {
      expect(isAlive(left.pid)).toBe(false);
      expect(existsSync(left.directory)).toBe(false);
      expect(await pingDocker(neighbour.socket)).toBe(true);
    } finally {
      await Promise.all([next.stop(), neighbour.stop()]);
    }
  });
});

/** Runs the machine's own `sleep` in a container made of nothing; returns its process. */
async function runSleeper(dockerd: PrivateDockerd): Promise<number> {
  const emptyTar = Buffer.alloc(1024);
  await call(dockerd, "POST", "/images/create?fromSrc=-&repo=empty", emptyTar);
  const binds = ["/usr", "/bin", "/lib", "/lib64"].filter(existsSync).map((path) => `${path}:${path}:ro`);
  const created = await call(dockerd, "POST", "/containers/create", {
    Image: "empty",
    Cmd: ["/usr/bin/sleep", "600"],
    StopSignal: "SIGKILL", // sleep as PID 1 ignores SIGTERM
    HostConfig: { NetworkMode: "none", Binds: binds },
  });
  const { Id: id } = JSON.parse(created);
  await call(dockerd, "POST", `/containers/${id}/start`, null);
  return JSON.parse(await call(dockerd, "GET", `/containers/${id}/json`, null)).State.Pid;
}

async function call(dockerd: PrivateDockerd, method: string, path: string, body: object | null): Promise<string> {
  const headers = { "content-type": Buffer.isBuffer(body) ? "application/x-tar" : "application/json" };
  const sent = request({ socketPath: dockerd.socket, method, path, headers });
  sent.end(body === null || Buffer.isBuffer(body) ? body : JSON.stringify(body));
  const [response] = await once(sent, "response");
  const text = (await response.setEncoding("utf8").toArray()).join("");
  if (response.statusCode >= 400) throw new Error(`${method} ${path}: ${response.statusCode} ${text}`);
  return text;
}
