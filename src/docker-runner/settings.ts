import { createHash } from "node:crypto";
import { AppError } from "../errors.ts";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Settings {
  host: string;
  port: number;
  /** The live secrets, the current one first. */
  secrets: string[];
  /** How far a request's timestamp may be from now. */
  signatureTtlMs: number;
  /** A path or URL of an engine; null: the one that the command line would find. */
  dockerSocket: string | null;
  logLevel: LogLevel;
  /** The policy file; null is the strict policy. */
  policyFile: string | null;
  /** Whose the containers are. */
  runnerId: string | null;
  /** Serves unsigned metrics on loopback; null: signed ones only. */
  metricsPort: number | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

const MIN_SECRET_LENGTH = 16;
const MAX_TTL_MS = 24 * 3_600_000;

/** @throws AppError CONFIG_INVALID that names the variable, and never a secret's value. */
export function readSettings(env: Environment): Settings {
  return {
    host: readText(env, "DOCKER_RUNNER_HOST") ?? "127.0.0.1",
    port: readInteger(env, "DOCKER_RUNNER_PORT", { min: 1, max: 65_535 }) ?? 7071,
    secrets: readSecrets(env),
    signatureTtlMs: readInteger(env, "DOCKER_RUNNER_SIGNATURE_TTL_MS", { min: 1, max: MAX_TTL_MS }) ?? 60_000,
    dockerSocket: readText(env, "DOCKER_SOCKET"),
    logLevel: readLogLevel(env),
    policyFile: readText(env, "DOCKER_RUNNER_POLICY"),
    runnerId: readRunnerId(env),
    metricsPort: readInteger(env, "DOCKER_RUNNER_METRICS_PORT", { min: 1, max: 65_535 }),
  };
}

/** The same for the same settings, so that a restarted service knows its containers. */
export function runnerIdOf({ host, port, runnerId }: Settings, engineUrl: string): string {
  if (runnerId !== null) return runnerId;
  const hash = createHash("sha256").update(`${engineUrl}\n${host}\n${port}`).digest("hex");
  return `docker-runner-${hash.slice(0, 16)}`;
}

function readSecrets(env: Environment): string[] {
  const current = env["DOCKER_RUNNER_SHARED_SECRET"] ?? "";
  if (current === "") throw invalid("DOCKER_RUNNER_SHARED_SECRET", "is required", SECRET_HINT);
  // Empty is how compose files hand on a variable that nobody set.
  const previous = env["DOCKER_RUNNER_SHARED_SECRET_PREVIOUS"] ?? "";
  checkLength("DOCKER_RUNNER_SHARED_SECRET", current);
  if (previous === "") return [current];
  checkLength("DOCKER_RUNNER_SHARED_SECRET_PREVIOUS", previous);
  return [current, previous];
}

function checkLength(name: string, secret: string): void {
  if (secret.length < MIN_SECRET_LENGTH) {
    throw invalid(name, `needs at least ${MIN_SECRET_LENGTH} characters`, SECRET_HINT);
  }
}

const SECRET_HINT = "Make one with: openssl rand -hex 32";

function readText(env: Environment, name: string): string | null {
  const value = env[name];
  if (value === undefined) return null;
  if (value.trim() === "") throw invalid(name, "is empty", "Give it a value, or leave it out for the default");
  return value;
}

function readInteger(env: Environment, name: string, { min, max }: { min: number; max: number }): number | null {
  const text = readText(env, name);
  if (text === null) return null;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw invalid(name, `must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`);
  }
  return value;
}

function readLogLevel(env: Environment): LogLevel {
  const text = readText(env, "DOCKER_RUNNER_LOG_LEVEL") ?? "info";
  const level = LOG_LEVELS.find((known) => known === text);
  if (level === undefined) {
    throw invalid("DOCKER_RUNNER_LOG_LEVEL", `must be one of ${LOG_LEVELS.join(", ")}, not ${JSON.stringify(text)}`);
  }
  return level;
}

function readRunnerId(env: Environment): string | null {
  const id = readText(env, "DOCKER_RUNNER_ID");
  if (id !== null && !/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(id)) {
    throw invalid("DOCKER_RUNNER_ID", "may hold letters, digits, dots, dashes and underscores only");
  }
  return id;
}

function invalid(name: string, problem: string, hint: string | null = null): AppError {
  return new AppError("CONFIG_INVALID", `${name} ${problem}`, { hint });
}
