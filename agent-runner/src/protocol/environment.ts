/** The environment of a runner: one typed contract, also for running the image by hand (product.md §9). */
import { QUEUES, type QueueName } from "./messages.ts";

export interface RunnerEnvironment {
  mode: "local";
  backendUrl: string;
  /** Read at boot and again after a 401. */
  tokenFile: string;
  queue: QueueName;
  /** Absolute; the agent role's tools are confined to it. */
  workspaceRoot: string;
  logLevel: "debug" | "info" | "warn" | "error";
  concurrency: number;
  /** Which start this is; null when run by hand. */
  runnerId: string | null;
  /** What the host is called where loopback is not the host's; null where it is. */
  loopbackHost: string | null;
}

/** A variable that is missing or wrong; the message names it. */
export class EnvironmentError extends Error {
  override readonly name = "EnvironmentError";
}

const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** Reads and checks the contract. @throws EnvironmentError naming every variable that is missing or wrong. */
export function readEnvironment(env: NodeJS.ProcessEnv): RunnerEnvironment {
  const problems: string[] = [];
  const required = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === "") problems.push(`${name} is not set`);
    return value ?? "";
  };
  const mode = required("MODE");
  if (mode !== "" && mode !== "local") problems.push(`MODE must be local, not "${mode}"`);
  const backendUrl = required("STIGMER_BACKEND_URL");
  if (backendUrl !== "" && !isHttpUrl(backendUrl)) problems.push(`STIGMER_BACKEND_URL is no http URL: "${backendUrl}"`);
  const tokenFile = required("STIGMER_BACKEND_TOKEN_FILE");
  const queue = required("TASK_QUEUE");
  const known = Object.values(QUEUES).find((name) => name === queue);
  if (queue !== "" && known === undefined) {
    problems.push(`TASK_QUEUE must be ${Object.values(QUEUES).join(" or ")}, not "${queue}"`);
  }
  const workspaceRoot = required("WORKSPACE_ROOT");
  if (workspaceRoot !== "" && !workspaceRoot.startsWith("/")) {
    problems.push(`WORKSPACE_ROOT must be an absolute path, not "${workspaceRoot}"`);
  }
  const level = env["LOG_LEVEL"] ?? "info";
  const logLevel = LOG_LEVELS.find((name) => name === level);
  if (logLevel === undefined) problems.push(`LOG_LEVEL must be ${LOG_LEVELS.join(", ")}, not "${level}"`);
  const concurrency = Number(env["CONCURRENCY"] ?? "4");
  if (!Number.isInteger(concurrency) || concurrency < 1) problems.push("CONCURRENCY must be a whole number from 1");
  if (problems.length > 0 || known === undefined || logLevel === undefined) {
    throw new EnvironmentError(problems.join("; "));
  }
  return {
    mode: "local",
    backendUrl,
    tokenFile,
    queue: known,
    workspaceRoot,
    logLevel,
    concurrency,
    runnerId: env["STIGMER_RUNNER_ID"] || null,
    loopbackHost: env["STIGMER_LOOPBACK_HOST"] || null,
  };
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
