import { createRunnerEngine, credentialsOf, endpointAt, findEndpoint } from "../docker/connect-runner.ts";
import type { DockerEndpoint } from "../docker/engine.ts";
import { AppError, exitCodeOf } from "../errors.ts";
import { packageVersion } from "../platform/package.ts";
import { type App, buildApp, loggerOptions } from "./app.ts";
import { HELP, mergeEnvironment, readArguments } from "./arguments.ts";
import { drain } from "./drain.ts";
import { listen } from "./listen.ts";
import { createMetricsServer } from "./metrics-server.ts";
import { renderOpenApi } from "./openapi-document.ts";
import { describeRelaxations, type Policy, STRICT_POLICY } from "./policy/policy.ts";
import { readPolicyFile } from "./policy/read-policy.ts";
import { createService, type Service } from "./service.ts";
import { readSettings, runnerIdOf, type Settings } from "./settings.ts";

void main();

async function main(): Promise<void> {
  try {
    const order = readArguments(process.argv.slice(2));
    if ("envFile" in order) await serve(mergeEnvironment(order.envFile, process.env));
    else if (order.print === "help") process.stdout.write(HELP);
    else if (order.print === "version") process.stdout.write(`${packageVersion()}\n`);
    else process.stdout.write(await renderOpenApi());
  } catch (error) {
    process.stderr.write(`${describe(error)}\n`);
    process.exit(error instanceof AppError ? exitCodeOf(error.code) : 1);
  }
}

async function serve(env: NodeJS.ProcessEnv): Promise<void> {
  const settings = readSettings(env);
  const policy = settings.policyFile === null ? STRICT_POLICY : readPolicyFile(settings.policyFile);
  const endpoint = await chooseEndpoint(settings, env);
  let app: App | null = null;
  const service = createService({
    engine: createRunnerEngine(endpoint, credentialsOf(env)),
    policy,
    runnerId: runnerIdOf(settings, endpoint.url),
    secrets: settings.secrets,
    signatureTtlMs: settings.signatureTtlMs,
    log: (message, fields) => app?.log.info(fields, message),
  });
  app = await buildApp(service, loggerOptions(settings.logLevel));
  await app.ready();
  tellStart(app, settings, policy, endpoint, service);
  const metrics = settings.metricsPort === null ? null : createMetricsServer(service);
  if (metrics !== null && settings.metricsPort !== null) {
    const at = { hostVariable: "DOCKER_RUNNER_METRICS_PORT", portVariable: "DOCKER_RUNNER_METRICS_PORT" };
    await listen(metrics, { host: "127.0.0.1", port: settings.metricsPort, ...at });
  }
  const { host, port } = settings;
  await listen(app.server, { host, port, hostVariable: "DOCKER_RUNNER_HOST", portVariable: "DOCKER_RUNNER_PORT" });
  service.sweeper.start();
  endOnSignal(app, service);
  app.audit({ msg: `listening on http://${host.includes(":") ? `[${host}]` : host}:${port}` });
  if (process.connected) process.send?.({ type: "listening", port });
}

async function chooseEndpoint({ dockerSocket }: Settings, env: NodeJS.ProcessEnv): Promise<DockerEndpoint> {
  if (dockerSocket === null) return findEndpoint(env);
  const endpoint = endpointAt(dockerSocket);
  if (endpoint === null) {
    throw new AppError(
      "CONFIG_INVALID",
      `DOCKER_SOCKET names ${JSON.stringify(dockerSocket)}, which cannot be dialled`,
      {
        hint: "Give it the path of a socket, or an address such as unix:///var/run/docker.sock",
      },
    );
  }
  return endpoint;
}

/** What this process may do is said before it does any of it, whatever the log level. */
function tellStart(
  app: App,
  { host }: Settings,
  policy: Policy,
  endpoint: DockerEndpoint,
  { runnerId }: Service,
): void {
  app.audit({ msg: `docker-runner ${packageVersion()}`, runnerId, engine: endpoint.url, source: endpoint.source });
  const relaxations = describeRelaxations(policy);
  if (relaxations.length === 0) app.audit({ msg: "the policy is strict" });
  for (const relaxation of relaxations) app.audit({ msg: `the policy is relaxed: ${relaxation}` });
  if (!["127.0.0.1", "::1", "localhost"].includes(host)) {
    app.log.warn(`listening on ${host}: whoever reaches this address can try to sign requests`);
  }
}

function endOnSignal(app: App, service: Service): void {
  let isEnding = false;
  const end = (signal: string) => {
    if (isEnding) return;
    isEnding = true;
    app.log.info(`${signal}: no new calls, running ones may end`);
    void drain(app.server, service).then(() => process.exit(0));
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => end(signal));
}

function describe(error: unknown): string {
  if (!(error instanceof AppError)) return `docker-runner: ${error instanceof Error ? error.stack : String(error)}`;
  const { detail, hint, message } = error;
  return [`docker-runner: ${message}`, detail, hint].filter(Boolean).join("\n  ");
}
