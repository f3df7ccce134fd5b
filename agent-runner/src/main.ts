/** Entry of the runner: `main.js` serves the queue that TASK_QUEUE names, `main.js healthcheck` says whether it polls. */
import { openLog } from "./boot/open-log.ts";
import { checkPolling, pollingProofFile } from "./boot/polling-proof.ts";
import { serve } from "./boot/serve.ts";
import { systemErrorCode } from "./logging/system-error.ts";
import { EnvironmentError, type RunnerEnvironment, readEnvironment } from "./protocol/environment.ts";
import { BackendRefusal } from "./session/backend.ts";

/** `EX_CONFIG` of sysexits: repeating the start cannot help. */
const EXIT_CONFIG = 78;

if (process.argv[2] === "healthcheck") checkHealth();
else void run(readEnvironmentOrExit());

function checkHealth(): never {
  const problem = checkPolling(pollingProofFile(process.env), Date.now());
  if (problem !== null) process.stderr.write(`${problem}\n`);
  process.exit(problem === null ? 0 : 1);
}

async function run(environment: RunnerEnvironment): Promise<void> {
  const log = openLog(environment, process.env);
  const stop = new AbortController();
  const exitOnBug = (error: unknown): never => {
    log.error(`this is a bug: ${error instanceof Error ? error.stack : error}`);
    process.exit(1);
  };
  process.on("uncaughtException", exitOnBug);
  process.on("unhandledRejection", exitOnBug);
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      log.info(`stopping on ${signal}`);
      stop.abort("shutdown");
    });
  }
  try {
    await serve({ environment, env: process.env, pid: process.pid, log, stop });
    process.exit(0);
  } catch (error) {
    if (error instanceof BackendRefusal) {
      log.error(`the server refuses this runner: ${error.message}`);
      process.exit(1);
    }
    if (!isAboutFile(error, environment.tokenFile)) exitOnBug(error);
    log.error(`STIGMER_BACKEND_TOKEN_FILE cannot be read: ${error instanceof Error ? error.message : error}`);
    process.exit(EXIT_CONFIG);
  }
}

function readEnvironmentOrExit(): RunnerEnvironment {
  try {
    return readEnvironment(process.env);
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    process.stderr.write(`ERROR the environment of the runner is wrong: ${error.message}\n`);
    process.exit(EXIT_CONFIG);
  }
}

function isAboutFile(error: unknown, path: string): boolean {
  return systemErrorCode(error) !== null && error instanceof Error && "path" in error && error.path === path;
}
