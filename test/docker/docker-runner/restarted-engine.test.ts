import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectDocker } from "../../../src/docker/connect.ts";
import { DockerRunnerClient } from "../../../src/docker-runner/client/client.ts";
import { pollUntil } from "../../../src/platform/poll.ts";
import { DockerRunnerProcess } from "../../support/docker-runner-process.ts";
import { freePort } from "../../support/free-port.ts";
import { canRunPrivateDockerd, type PrivateDockerd, startPrivateDockerd } from "../../support/private-dockerd.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { importTinyImage } from "../../support/tiny-image.ts";

const IMAGE = "stigmer-client-test:tiny";
const SECRET = randomUUID();
const WAIT_MS = 60_000;
/** A daemon that starts on a busy machine takes its time. */
const TEST_MS = 180_000;

describe.skipIf(!canRunPrivateDockerd())("while the engine goes and comes back", () => {
  let dockerd: PrivateDockerd;
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let service: DockerRunnerProcess;
  let client: DockerRunnerClient;

  beforeAll(async () => {
    dockerd = await startPrivateDockerd();
    const engine = await connectDocker({ env: { DOCKER_HOST: dockerd.host }, homeDir: homedir() });
    await importTinyImage(engine, IMAGE);
    directory = await temporaryDirectory();
    writeFileSync(directory.file("policy.json"), JSON.stringify({ images: [IMAGE] }));
    const port = await freePort();
    service = await DockerRunnerProcess.start({
      DOCKER_RUNNER_PORT: String(port),
      DOCKER_RUNNER_SHARED_SECRET: SECRET,
      DOCKER_RUNNER_POLICY: directory.file("policy.json"),
      DOCKER_SOCKET: dockerd.socket,
    });
    client = new DockerRunnerClient({ baseUrl: `http://127.0.0.1:${port}`, secret: SECRET, maxRetries: 0 });
  }, TEST_MS);

  afterAll(async () => {
    client?.close();
    await service?.end("SIGKILL");
    await dockerd?.stop();
    await directory?.[Symbol.asyncDispose]();
  });

  test(
    "calls say that it is not there, streams go on, and nothing of them is lost or told twice",
    async () => {
      const left = new AbortController();
      const container = { image: IMAGE, networkMode: "none", autoRemove: false };
      const counting = "for i in $(seq 1 6000); do echo $i; sleep 0.05; done";
      const { containerId } = await client.start({ ...container, cmd: ["sh", "-c", counting] });
      const numbers: number[] = [];
      const reading = (async () => {
        for await (const { line } of client.logs({ containerId })) numbers.push(Number(line.toString()));
      })();
      const told: string[] = [];
      const watching = (async () => {
        const events = client.events({ since: String(Math.floor(Date.now() / 1_000) - 1) }, { signal: left.signal });
        for await (const { Action, Actor } of events) told.push(`${Action} ${Actor.ID}`);
      })();
      watching.catch(() => {}); // Ended by the signal below.
      await until("the log and the events to begin", () => numbers.length > 5 && told.includes(`start ${containerId}`));

      await dockerd.kill();
      await expect(client.ready()).rejects.toMatchObject({ statusCode: 503 });
      await expect(client.inspect(containerId)).rejects.toMatchObject({
        statusCode: 503,
        errorCode: "docker_unavailable",
        retryable: true,
      });
      await dockerd.restart();
      await until("the service to be ready again", () =>
        client.ready().then(
          () => true,
          () => false,
        ),
      );

      // An engine that comes back ends what ran: the log has an end then.
      await reading;
      expect(numbers.length).toBeGreaterThan(5);
      expect(numbers).toEqual(numbers.map((_number, index) => index + 1));
      const second = await client.start({ ...container, cmd: ["sleep", "600"] });
      await until("the events to go on", () => told.includes(`start ${second.containerId}`));
      for (const text of [`start ${containerId}`, `create ${second.containerId}`]) {
        expect(told.filter((one) => one === text)).toHaveLength(1);
      }
      left.abort(new Error("seen enough"));
      await watching.catch(() => {});
      await client.remove({ containerId: second.containerId, force: true });
      await client.remove({ containerId, force: true });
    },
    TEST_MS,
  );
});

function until(what: string, probe: () => boolean | Promise<boolean>): Promise<unknown> {
  return pollUntil({ what, probe, timeoutMs: WAIT_MS, intervalMs: 50 });
}
