import { readFileSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { LOG_LEVELS, type LogLevel } from "../logging/format.ts";
import { parseKeyLines } from "../protocol/key-lines.ts";

/**
 * What a deployment is told by its environment. Every value, keys and `API_TOKEN` included, may stand in the file that
 * `SECRETS_FILE` names instead, as KEY=value lines; the environment wins. An empty value counts as not set.
 */
export interface Settings {
  /** `PORT`, 8000. */
  port: number;
  /** `HOST`, 0.0.0.0. */
  host: string;
  /** `DATA_DIR`, `data` beside the server: the jobs. Relative ones are from there too. */
  dataDirectory: string;
  /** `WORKSPACE_ROOT`, `workspace` in the data directory: the tools of nodes are confined to it. */
  workspaceRoot: string;
  /** `SYNC_TIMEOUT`, by default what the generator was told: how long `POST /run` waits for its job before it answers 202. */
  syncTimeoutMs: number;
  /** `DRAIN_TIMEOUT`, 25 seconds: how long running jobs may go on after SIGTERM; deployments are killed after 30. */
  drainTimeoutMs: number;
  /** `JOB_TTL`, 604800 seconds: when an ended job is forgotten. */
  jobTtlMs: number;
  /** `MAX_RUNNING`, 4. */
  maxRunning: number;
  /** `MAX_WAITING`, 100. */
  maxWaiting: number;
  /** `API_TOKEN`; null: everybody may ask. */
  apiToken: string | null;
  /** `LOG_LEVEL`, info. */
  logLevel: LogLevel;
  /** `LLM_BASE_URL`: where the workflow's model service is, whatever the workflow says. */
  llmBaseUrl: string | null;
  /** `STIGMER_LOOPBACK_HOST`: what the host is called from here; null where loopback is the host's. */
  loopbackHost: string | null;
  /** `OTEL_EXPORTER_OTLP_ENDPOINT` and `TRACE_CONTENT`; null: no traces. */
  tracing: { endpoint: string; includesContent: boolean } | null;
  /** All values, for the keys of models and tools. */
  values: Values;
}

export type Values = Readonly<Record<string, string>>;

/** Values that are wrong; the message names each of them. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

export interface SettingsOptions {
  environment: NodeJS.ProcessEnv;
  /** The server's own. */
  directory: string;
  /** Where `SYNC_TIMEOUT` says nothing. */
  syncTimeoutSeconds: number;
}

/** @throws SettingsError naming every value that is wrong. */
export function readSettings({ environment, directory, syncTimeoutSeconds }: SettingsOptions): Settings {
  const values = { ...readKeyFile(environment["SECRETS_FILE"] || null), ...withoutEmpty(environment) };
  const problems: string[] = [];
  const number = (name: string, usual: number, rule: NumberRule): number => {
    const text = values[name];
    if (text === undefined) return usual;
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (value >= rule.least && value <= rule.most && (rule.mayBeFraction || Number.isInteger(value))) return value;
    problems.push(
      `${name} must be ${rule.mayBeFraction ? "seconds" : "a whole number"} from ${rule.least} to ${rule.most}, not "${text}"`,
    );
    return usual;
  };
  const oneOf = <Choice extends string>(name: string, choices: readonly Choice[], usual: Choice): Choice => {
    const text = values[name] ?? usual;
    const choice = choices.find((known) => known === text);
    if (choice === undefined) problems.push(`${name} must be ${choices.join(" or ")}, not "${text}"`);
    return choice ?? usual;
  };
  const url = (name: string): string | null => {
    const text = values[name];
    if (text === undefined || isHttpUrl(text)) return text ?? null;
    problems.push(`${name} is no http URL: "${text}"`);
    return null;
  };
  const path = (name: string, usual: string): string => {
    const text = values[name] ?? usual;
    return isAbsolute(text) ? text : resolve(directory, text);
  };

  const dataDirectory = path("DATA_DIR", "data");
  const endpoint = url("OTEL_EXPORTER_OTLP_ENDPOINT");
  const includesContent = oneOf("TRACE_CONTENT", ["true", "false"], "false") === "true";
  if (values["ENGINE"] === "temporal") problems.push("ENGINE=temporal is not part of this version: leave it out");
  else oneOf("ENGINE", ["embedded"], "embedded");
  const settings: Settings = {
    port: number("PORT", 8000, { least: 1, most: 65_535 }),
    host: values["HOST"] ?? "0.0.0.0",
    dataDirectory,
    workspaceRoot: path("WORKSPACE_ROOT", join(dataDirectory, "workspace")),
    syncTimeoutMs: number("SYNC_TIMEOUT", syncTimeoutSeconds, UP_TO_A_DAY) * 1000,
    drainTimeoutMs: number("DRAIN_TIMEOUT", 25, UP_TO_A_DAY) * 1000,
    jobTtlMs: number("JOB_TTL", 7 * 86_400, { least: 1, most: 10 * 365 * 86_400, mayBeFraction: true }) * 1000,
    maxRunning: number("MAX_RUNNING", 4, { least: 1, most: 1_000 }),
    maxWaiting: number("MAX_WAITING", 100, { least: 0, most: 1_000_000 }),
    apiToken: values["API_TOKEN"] ?? null,
    logLevel: oneOf("LOG_LEVEL", LOG_LEVELS, "info"),
    llmBaseUrl: url("LLM_BASE_URL"),
    loopbackHost: values["STIGMER_LOOPBACK_HOST"] ?? null,
    tracing: endpoint === null ? null : { endpoint, includesContent },
    values,
  };
  if (settings.apiToken !== null && !/^[!-~]+$/.test(settings.apiToken)) {
    problems.push("API_TOKEN must be of letters, digits and signs of ASCII, without spaces: no header carries another");
  }
  if (problems.length > 0) throw new SettingsError(problems.join("; "));
  return settings;
}

interface NumberRule {
  least: number;
  most: number;
  mayBeFraction?: boolean;
}

const UP_TO_A_DAY: NumberRule = { least: 0, most: 86_400, mayBeFraction: true };

function readKeyFile(file: string | null): Values {
  if (file === null) return {};
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new SettingsError(`SECRETS_FILE cannot be read: ${error instanceof Error ? error.message : error}`);
  }
  const { values, malformed } = parseKeyLines(text);
  if (malformed.length > 0) {
    const lines = malformed.length === 1 ? `line ${malformed[0]}` : `lines ${malformed.join(", ")}`;
    throw new SettingsError(`SECRETS_FILE ${file}: ${lines}: not of the form KEY=value`);
  }
  return withoutEmpty(values);
}

function withoutEmpty(values: NodeJS.ProcessEnv): Values {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ""),
  );
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
