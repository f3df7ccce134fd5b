import { createLogger, type Logger } from "../logging/writer.ts";
import type { RunnerEnvironment } from "../protocol/environment.ts";

/** Where nobody set a limit (product.md §9, `logs`). */
const USUAL_MAX_SIZE_BYTES = 10 * 1024 * 1024;
const USUAL_MAX_FILES = 5;

/** A file of its own with rotation where `STIGMER_LOG_FILE` names one, as for a host process; else plain lines. */
export function openLog(environment: RunnerEnvironment, env: NodeJS.ProcessEnv): Logger {
  return createLogger({
    component: environment.queue === "workflow_execution_runner" ? "workflow-runner" : "agent-runner",
    level: environment.logLevel,
    file: env["STIGMER_LOG_FILE"] || null,
    maxSizeBytes: positive(env["STIGMER_LOG_MAX_SIZE"]) ?? USUAL_MAX_SIZE_BYTES,
    maxFiles: positive(env["STIGMER_LOG_MAX_FILES"]) ?? USUAL_MAX_FILES,
  });
}

/** The supervisor writes these; by hand a wrong one is not worth a runner that does not start. */
function positive(text: string | undefined): number | null {
  const number = Number(text);
  return Number.isInteger(number) && number > 0 ? number : null;
}
