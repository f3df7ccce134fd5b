import { policyDenied, validationError } from "../api-error.ts";
import type { Policy } from "./policy.ts";

/** Less than the policy's limit may be asked for. 0 and -1 mean "no limit" to the engine, which is more. */
export function allowedLimit(key: string, value: unknown, max: number): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value)) throw validationError(`${key} is a whole number`);
  if (value <= 0 || value > max) throw policyDenied(`${key} must be above 0 and at most ${max}`);
  return value;
}

/** The engine takes `CAP_NET_RAW`, `net_raw` and `ALL` alike; the policy is compared in one spelling. */
export function allowedCapabilities(wanted: string[], { capabilities }: Pick<Policy, "capabilities">): string[] {
  const allowed = new Set(capabilities.map(toCapability));
  return wanted.map((name) => {
    const capability = toCapability(name);
    if (!allowed.has(capability)) throw policyDenied(`the policy does not allow the capability ${capability}`);
    return capability;
  });
}

function toCapability(name: string): string {
  return name.trim().toUpperCase().replace(/^CAP_/, "");
}
