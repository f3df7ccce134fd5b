import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { RunnerCaller } from "../support/docker-runner-client.ts";
import { spawnRunner } from "../support/docker-runner-process.ts";
import { freePort } from "../support/free-port.ts";
import { nodeRelease } from "../support/node-release.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const IMAGE = "stigmer-agent-runner:local";
const SECRET = "a secret of this release";

describe.each([22, 24])("on Node %d", (major) => {
  test("containers, execs, their limits, terminals and streams work, and SIGTERM ends the service", async () => {
    await using directory = await temporaryDirectory();
    writeFileSync(directory.file("policy.yaml"), `images: ["${IMAGE}"]\n`);
    const port = await freePort();
    const runner = spawnRunner(
      {
        DOCKER_RUNNER_PORT: String(port),
        DOCKER_RUNNER_SHARED_SECRET: SECRET,
        DOCKER_RUNNER_POLICY: directory.file("policy.yaml"),
        DOCKER_RUNNER_ID: `node-${major}-${process.pid}`,
      },
      { node: await nodeRelease(major) },
    );
    const caller = new RunnerCaller({ port, secret: SECRET });
    let containerId = "";
    try {
      expect(await runner.listening).toEqual({ type: "listening", port });
      const options = { image: IMAGE, entrypoint: ["sh", "-c", "echo hello; sleep 600"], networkMode: "none" };
      const started = await caller.post("/v1/containers/start", options);
      containerId = String(started.json["containerId"]);
      expect(started.status).toBe(200);

      const run = (command: string, limits = {}) =>
        caller.post("/v1/exec/run", { containerId, command, options: limits });
      expect((await run("echo é; exit 3", { logToPid1: true })).json).toMatchObject({
        stdout: "é\n",
        exitCode: 3,
        loggedToPid1: true,
      });
      expect((await run("sleep 60 & sleep 60", { timeoutMs: 1_000, killOnTimeout: true })).json).toMatchObject({
        error: { code: "exec_timeout", details: { killed: true } },
      });

      const socket = caller.webSocket(
        `/v1/exec/interactive/ws?${new URLSearchParams({ containerId, command: "cat; echo after; exit 4" })}`,
      );
      socket.stdin("early\n");
      socket.send({ type: "eof" });
      expect(await socket.exit()).toMatchObject({ exitCode: 4, stdout: "early\nafter\n" });
      expect(await socket.ended).toEqual({ code: 1000 });

      const logs = await caller.stream(`/v1/containers/logs/sse?containerId=${containerId}&follow=false&demux=true`);
      const text = (await logs.all()).map(({ data }) => Buffer.from(String(data ?? ""), "base64").toString()).join("");
      expect(text).toBe("hello\né\n");

      const refused = await caller.send("POST", "/v1/exec/run", Buffer.alloc(5_000_000), { signature: {} });
      expect(refused.status).toBe(401);
    } finally {
      if (containerId !== "") await caller.post("/v1/containers/remove", { containerId, force: true });
      runner.child.kill("SIGTERM");
      expect(await runner.exit).toEqual({ code: 0, signal: null });
    }
  });
});
