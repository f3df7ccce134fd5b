import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createRunnerEngine, findEndpoint } from "../../src/docker/connect-runner.ts";
import type { DockerEndpoint } from "../../src/docker/engine.ts";
import type { RunnerEngine } from "../../src/docker/runner-engine.ts";
import { type App, buildApp } from "../../src/docker-runner/app.ts";
import { drain } from "../../src/docker-runner/drain.ts";
import { type Policy, STRICT_POLICY } from "../../src/docker-runner/policy/policy.ts";
import { createService, type Service, type ServiceOptions } from "../../src/docker-runner/service.ts";
import { RunnerCaller } from "./docker-runner-client.ts";

export const TEST_SECRET = "a secret of this test";

export interface RunnerRig extends AsyncDisposable {
  app: App;
  service: Service;
  engine: RunnerEngine;
  caller: RunnerCaller;
  runnerId: string;
  port: number;
  /** Everything that the service logged. */
  log(): string;
}

export interface RunnerRigOptions extends Partial<ServiceOptions> {
  /** Changes of the strict policy. */
  relaxed?: Partial<Policy>;
  socketPath?: string;
}

/** A docker-runner in this process, on a port of loopback. Its containers go with it. */
export async function startRunner(options: RunnerRigOptions = {}): Promise<RunnerRig> {
  const { relaxed, socketPath, ...changes } = options;
  const endpoint = socketPath === undefined ? await findEndpoint(process.env) : endpointOf(socketPath);
  const engine = options.engine ?? createRunnerEngine(endpoint, { configDir: "/nowhere", env: {} });
  const runnerId = options.runnerId ?? `test-${randomUUID()}`;
  const service = createService({
    engine,
    policy: { ...STRICT_POLICY, ...relaxed },
    runnerId,
    secrets: [TEST_SECRET],
    signatureTtlMs: 60_000,
    ...changes,
  });
  const lines: string[] = [];
  const app = await buildApp(service, {
    level: "info",
    stream: { write: (line: string) => void lines.push(line) },
  });
  await app.ready();
  app.server.listen(0, "127.0.0.1");
  await once(app.server, "listening");
  const { port } = app.server.address() as AddressInfo;
  return {
    app,
    service,
    engine,
    runnerId,
    port,
    caller: new RunnerCaller({ port, secret: TEST_SECRET }),
    log: () => lines.join(""),
    async [Symbol.asyncDispose]() {
      service.shutdown.hurry();
      await drain(app.server, service);
      if (socketPath === undefined && options.engine === undefined) await removeContainersOf(service);
    },
  };
}

async function removeContainersOf({ engine, own }: Service): Promise<void> {
  const left = await engine.list({ label: [own.label] }, { all: true });
  await Promise.all(left.map(({ Id }) => engine.removeContainer(Id, { force: true, volumes: true })));
}

function endpointOf(socketPath: string): DockerEndpoint {
  return { url: `unix://${socketPath}`, socketPath, source: "test", flavour: "unknown" };
}
