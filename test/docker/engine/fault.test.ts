import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectDocker } from "../../../src/docker/connect.ts";
import type { ContainerSpecification, DockerEngine } from "../../../src/docker/engine.ts";
import { canRunPrivateDockerd, type PrivateDockerd, startPrivateDockerd } from "../../support/private-dockerd.ts";
import { stopInItsTracks } from "../../support/process-state.ts";
import { importTinyImage } from "../../support/tiny-image.ts";

const LABEL = "stigmer-engine-fault-test";
const never = new AbortController().signal;
const specification: ContainerSpecification = {
  name: "fault",
  image: "tiny:test",
  labels: { [LABEL]: "" },
  env: {},
  user: "1:1",
  networkMode: "none",
  extraHosts: [],
  binds: [],
  memoryBytes: 0,
  pidsLimit: 32,
  command: ["/bin/sh", "-c", "echo started; sleep 600"],
  init: true,
  logMaxSizeBytes: 1024 * 1024,
  logMaxFiles: 1,
};

describe.runIf(canRunPrivateDockerd())("a daemon of its own that fails", () => {
  let daemon: PrivateDockerd;
  let engine: DockerEngine;
  const connect = (timeoutMs?: number) =>
    connectDocker({
      env: { DOCKER_HOST: daemon.host },
      homeDir: daemon.directory,
      ...(timeoutMs ? { timeoutMs } : {}),
    });

  beforeAll(async () => {
    daemon = await startPrivateDockerd();
    engine = await connect();
    await importTinyImage(engine, specification.image);
  });

  afterAll(async () => {
    await daemon.stop();
  });

  it("killed: events end, everything under way rejects, and the same engine works after the restart", async () => {
    const id = await engine.createContainer(specification);
    const seen = watchEvents(Date.now() - 1);
    await engine.startContainer(id);
    const waiting = engine.waitContainer(id);
    const following = followLogs(id);
    await following.hasLine;
    await seen.hasStart;
    const exec = engine.exec(id, ["/bin/sleep", "600"], { timeoutMs: 60_000 });
    const refused = { code: "DOCKER_NOT_RUNNING" };
    const outcomes = Promise.all([
      expect(waiting).rejects.toMatchObject(refused),
      expect(following.end).rejects.toMatchObject(refused),
      expect(exec).rejects.toMatchObject(refused),
      seen.end,
    ]);

    await daemon.kill();
    await outcomes;
    expect(seen.actions).toContain("start");
    await expect(engine.inspectContainer(id)).rejects.toMatchObject(refused);
    await expect(engine.ping()).rejects.toMatchObject(refused);
    await expect(connect()).rejects.toMatchObject({ ...refused, message: expect.stringContaining("nobody serves it") });

    await daemon.restart();
    expect((await engine.inspectContainer(id))?.id).toBe(id);
    await engine.removeContainer(id, { force: true });
  });

  it("stopped in its tracks: nothing waits for it longer than its deadline", async () => {
    await stopInItsTracks(daemon.pid);
    try {
      await expect(engine.ping({ timeoutMs: 300 })).rejects.toMatchObject({
        code: "DOCKER_UNRESPONSIVE",
        message: expect.stringContaining(daemon.host),
      });
      await expect(connect(600)).rejects.toMatchObject({ code: "DOCKER_UNRESPONSIVE" });
    } finally {
      process.kill(daemon.pid, "SIGCONT");
    }
    await engine.ping();
  });

  function watchEvents(sinceMs: number) {
    const actions: string[] = [];
    const started = new AbortController();
    const hasStart = once(started.signal, "abort");
    const watch = async () => {
      for await (const { action } of engine.events({ labels: [LABEL], sinceMs, signal: never })) {
        actions.push(action);
        if (action === "start") started.abort();
      }
    };
    return { actions, hasStart, end: watch() };
  }

  function followLogs(id: string) {
    const gotLine = new AbortController();
    const hasLine = once(gotLine.signal, "abort");
    const follow = async () => {
      for await (const _line of engine.logs(id, {
        follow: true,
        tail: "all",
        since: null,
        until: null,
        signal: never,
      })) {
        gotLine.abort();
      }
    };
    return { hasLine, end: follow() };
  }
});
