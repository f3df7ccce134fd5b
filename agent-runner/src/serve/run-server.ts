import { once } from "node:events";
import type { Server } from "node:http";
import { systemErrorCode } from "../logging/system-error.ts";
import { createLogger, type Logger } from "../logging/writer.ts";
import { VERSION } from "../version.ts";
import { DeploymentError, loadDeployment } from "./load-deployment.ts";
import { openService, type Service } from "./open-service.ts";
import { readSettings, type Settings, SettingsError } from "./settings.ts";

/** What the server needs of its process; no more, so that a test can stand for it. */
export interface HostProcess {
  env: NodeJS.ProcessEnv;
  stdout: Output;
  stderr: Output & { write(text: string): unknown };
  on(event: EndSignal | "uncaughtException" | "unhandledRejection", listener: (what: unknown) => void): unknown;
}

type EndSignal = "SIGTERM" | "SIGINT" | "SIGUSR2";

interface Output {
  on(event: "error", listener: () => void): unknown;
}

/** Serves the workflow in `directory` until a signal ends it. @returns the exit code. */
export async function runServer(options: { directory: string; process: HostProcess }): Promise<number> {
  const { directory, process } = options;
  // Whoever collected the log may be gone: work goes on without it.
  for (const output of [process.stdout, process.stderr]) output.on("error", () => {});
  try {
    const { kept, facts } = loadDeployment(directory);
    const { syncTimeoutSeconds, defaults } = facts;
    const settings = readSettings({ environment: process.env, directory, syncTimeoutSeconds });
    const log = createLogger({
      component: "server",
      level: settings.logLevel,
      file: null,
      maxSizeBytes: 0,
      maxFiles: 0,
    });
    const service = openService({ kept, defaults, settings, log });
    return await serveUntilSignal({ service, settings, log, process });
  } catch (error) {
    if (!(error instanceof SettingsError || error instanceof DeploymentError)) throw error;
    for (const line of error.message.split("\n")) process.stderr.write(`ERROR ${line}\n`);
    return 1;
  }
}

interface Serving {
  service: Service;
  settings: Settings;
  log: Logger;
  process: HostProcess;
}

async function serveUntilSignal({ service, settings, log, process }: Serving): Promise<number> {
  const crashed = new Promise<number>((resolve) => {
    let isCrashing = false;
    const exitOnBug = (error: unknown): void => {
      // What goes wrong on the way out must not keep the process from it.
      if (isCrashing) return;
      isCrashing = true;
      log.error(`this is a bug: ${error instanceof Error ? error.stack : error}`);
      resolve(1);
    };
    process.on("uncaughtException", exitOnBug);
    process.on("unhandledRejection", exitOnBug);
  });
  const signals = watchSignals(process, log);
  await listen(service.server, settings);
  log.info(`stigmer server ${VERSION}: workflow ${JSON.stringify(service.name)} on ${settings.host}:${settings.port}`);
  for (const missing of service.missing) log.warn(missing);
  service.start();
  const drained = signals.first.then((name) =>
    drain(service, name === "SIGUSR2" ? HANDOVER_MS : settings.drainTimeoutMs, log),
  );
  return await Promise.race([crashed, signals.second, drained]);
}

/**
 * The first signal drains; a second one, some time after it, ends the process at once. SIGUSR2 comes from who has a
 * successor ready: the jobs go on there.
 */
function watchSignals(process: HostProcess, log: Logger): { first: Promise<EndSignal>; second: Promise<number> } {
  let tellFirst = (_name: EndSignal): void => {};
  let tellSecond = (_code: number): void => {};
  let firstAt = Number.NaN;
  for (const [signal, code] of [
    ["SIGTERM", 143],
    ["SIGINT", 130],
    ["SIGUSR2", 140],
  ] as const) {
    process.on(signal, () => {
      if (Number.isNaN(firstAt)) {
        firstAt = performance.now();
        log.info(signal === "SIGUSR2" ? "handing over to a successor" : `draining on ${signal}`);
        tellFirst(signal);
      } else if (performance.now() - firstAt > ECHO_MS) tellSecond(code);
    });
  }
  return {
    first: new Promise((resolve) => {
      tellFirst = resolve;
    }),
    second: new Promise((resolve) => {
      tellSecond = resolve;
    }),
  };
}

/** What a running step may still take when a successor waits. */
const HANDOVER_MS = 300;

/** A second signal this soon is an echo of the first: a shaky keyboard, a process manager that signals twice. */
const ECHO_MS = 100;

/** Takes no new jobs, lets those that run and their requests end, then closes. */
async function drain(service: Service, timeoutMs: number, log: Logger): Promise<number> {
  await service.drain(AbortSignal.timeout(timeoutMs));
  log.info("stopped");
  return 0;
}

async function listen(server: Server, { host, port }: Settings): Promise<void> {
  server.listen({ host, port });
  try {
    await once(server, "listening");
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "EADDRINUSE") throw new SettingsError(`PORT ${port} on ${host} is taken by another program`);
    if (code === "EACCES") throw new SettingsError(`PORT ${port} may not be opened by this user`);
    throw new SettingsError(`HOST ${host} cannot be listened on (${code ?? error})`);
  }
}
