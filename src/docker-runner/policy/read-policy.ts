import { readFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import { parse } from "yaml";
import { AppError } from "../../errors.ts";
import { type Policy, STRICT_POLICY, SWITCHES } from "./policy.ts";

/**
 * Reads a policy file, YAML or JSON; what it leaves out stays strict.
 *
 * @throws AppError CONFIG_INVALID that names DOCKER_RUNNER_POLICY and the key.
 */
export function readPolicyFile(path: string): Policy {
  return toPolicy(parseFile(path));
}

/** @throws AppError, as readPolicyFile does. */
export function toPolicy(document: unknown): Policy {
  const fields = toFields(document, "", [...LISTS, ...SWITCHES, "limits", "concurrency"]);
  const policy = structuredClone(STRICT_POLICY);
  for (const key of LISTS) policy[key] = readList(fields, key) ?? policy[key];
  for (const key of SWITCHES) policy[key] = readSwitch(fields, key) ?? policy[key];
  for (const root of policy.bindRoots) {
    if (!isAbsolute(root)) throw mistake("bindRoots", `holds ${JSON.stringify(root)}, which is no absolute path`);
  }
  const limits = toFields(fields["limits"] ?? {}, "limits", ["memory", "cpus", "pids"]);
  policy.limits = {
    memoryBytes: readMemory(limits["memory"]) ?? policy.limits.memoryBytes,
    cpus: readNumber(limits["cpus"], "limits.cpus", { whole: false }) ?? policy.limits.cpus,
    pids: readNumber(limits["pids"], "limits.pids", { whole: true }) ?? policy.limits.pids,
  };
  const concurrency = toFields(fields["concurrency"] ?? {}, "concurrency", ["requests", "streams"]);
  policy.concurrency = {
    requests:
      readNumber(concurrency["requests"], "concurrency.requests", { whole: true }) ?? policy.concurrency.requests,
    streams: readNumber(concurrency["streams"], "concurrency.streams", { whole: true }) ?? policy.concurrency.streams,
  };
  return policy;
}

const LISTS = ["images", "bindRoots", "volumes", "networks", "capabilities"] as const;

function parseFile(path: string): unknown {
  try {
    return parse(readFileSync(path, "utf8")); // JSON is YAML.
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new AppError("CONFIG_INVALID", `DOCKER_RUNNER_POLICY names ${path}, which cannot be read: ${cause}`, {
      cause: error,
    });
  }
}

function toFields(value: unknown, where: string, known: readonly string[]): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw mistake(where === "" ? "the whole file" : where, "must be a mapping of keys to values");
  }
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw mistake(where === "" ? key : `${where}.${key}`, `is no key of a policy; known are ${known.join(", ")}`);
    }
  }
  return { ...value };
}

function readList(fields: Record<string, unknown>, key: string): string[] | null {
  const value = fields[key];
  if (value === undefined) return null;
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === "string" && entry !== "")) {
    throw mistake(key, "must be a list of texts");
  }
  return value;
}

function readSwitch(fields: Record<string, unknown>, key: string): boolean | null {
  const value = fields[key];
  if (value === undefined) return null;
  if (typeof value !== "boolean") throw mistake(key, "must be true or false");
  return value;
}

function readNumber(value: unknown, key: string, { whole }: { whole: boolean }): number | null {
  if (value === undefined) return null;
  const isNumber = typeof value === "number" && Number.isFinite(value) && value > 0;
  if (!isNumber || (whole && !Number.isSafeInteger(value))) {
    throw mistake(key, whole ? "must be a whole number above 0" : "must be a number above 0");
  }
  return value;
}

const UNITS: Record<string, number> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** As Docker's command line takes it: `512m`, `1g`; a number is bytes. */
function readMemory(value: unknown): number | null {
  if (value === undefined) return null;
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)([kmgt]?)(?:i?b)?$/i.exec(String(value)) ?? [];
  const bytes = Math.floor(Number(digits) * (UNITS[unit.toLowerCase()] ?? Number.NaN));
  if (!Number.isSafeInteger(bytes) || bytes <= 0) throw mistake("limits.memory", "must be a size such as 512m or 1g");
  return bytes;
}

function mistake(key: string, problem: string): AppError {
  return new AppError("CONFIG_INVALID", `DOCKER_RUNNER_POLICY: ${key} ${problem}`);
}
