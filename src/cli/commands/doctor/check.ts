import type { Settings } from "../../../config/settings.ts";
import type { DockerEngine } from "../../../docker/engine.ts";
import type { HomePaths } from "../../../platform/paths.ts";

/** One line of `doctor`. `fail` is what prevents `server start`; `warn` what a user should know. */
export interface Check {
  name: string;
  status: "pass" | "warn" | "fail" | "skip";
  message: string;
  /** What to do about it. */
  hint: string | null;
}

/** What the checks look at, found out once. */
export interface DoctorFacts {
  paths: HomePaths;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** Null when the configuration is invalid; the check `config` says why. */
  settings: Settings | null;
  /** Null when there is none to talk to. */
  engine: DockerEngine | null;
}

export function pass(name: string, message: string): Check {
  return { name, status: "pass", message, hint: null };
}

export function skip(name: string, message: string): Check {
  return { name, status: "skip", message, hint: null };
}

export function warn(name: string, message: string, hint: string | null): Check {
  return { name, status: "warn", message, hint };
}

export function fail(name: string, message: string, hint: string | null): Check {
  return { name, status: "fail", message, hint };
}
