import { execFile } from "node:child_process";
import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { RunnerCaller } from "../../support/docker-runner-client.ts";
import { freePort } from "../../support/free-port.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
/** Any image with node in it. */
const BASE = "stigmer-agent-runner:local";
const NAME = `stigmer-docker-runner-test-${process.pid}`;
const SECRET = "a secret of this container";

async function docker(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)("docker", args, { cwd: ROOT });
  return stdout.trim();
}

test("the image runs the service as nobody, with the socket's group, and says when it is ready", {
  timeout: 180_000,
}, async () => {
  const port = await freePort();
  await docker(
    "build",
    "-q",
    "--force-rm",
    "-f",
    "src/docker-runner/Dockerfile",
    "--build-arg",
    `BASE_IMAGE=${BASE}`,
    "-t",
    `${NAME}:test`,
    ".",
  );
  try {
    const settings = { DOCKER_RUNNER_SHARED_SECRET: SECRET, DOCKER_RUNNER_ID: NAME };
    await docker(
      "run",
      "-d",
      ...["--name", NAME, "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"],
      `--group-add=${statSync("/var/run/docker.sock").gid}`,
      ...["-p", `127.0.0.1:${port}:7071`, "-v", "/var/run/docker.sock:/var/run/docker.sock"],
      ...Object.entries(settings).flatMap(([name, value]) => ["-e", `${name}=${value}`]),
      `${NAME}:test`,
    );
    const caller = new RunnerCaller({ port, secret: SECRET });
    const isReady = () =>
      caller.get("/v1/ready", { signature: {} }).then(
        ({ status }) => status,
        () => 0,
      );
    await expect.poll(isReady, { timeout: 60_000 }).toBe(200);
    expect((await caller.post("/v1/containers/findByLabels", { labels: { a: "b" } })).json).toEqual({
      containerIds: [],
    });
    expect((await caller.post("/v1/images/ensure", { image: BASE })).status).toBe(403);
    expect(await docker("exec", NAME, "id", "-u")).toBe("10002");
    await docker("stop", "-t", "15", NAME);
    expect(await docker("inspect", "-f", "{{.State.ExitCode}}", NAME)).toBe("0");
  } finally {
    await docker("rm", "-f", NAME).catch(() => "");
    await docker("rmi", "-f", `${NAME}:test`).catch(() => "");
  }
});
