import { policyDenied, validationError } from "../api-error.ts";
import { allowedCapabilities, allowedLimit } from "./limits.ts";
import { allowedBind, allowedMount, allowedTmpfs, type MountRules } from "./mount-rules.ts";
import type { Policy } from "./policy.ts";

export interface ExtrasRules extends MountRules {
  policy: Policy;
  /** CPUs of the engine. */
  cpus: number;
}

/** What `createExtras` adds to a container: keys of the Engine API, each looked at. */
export interface Extras {
  container: Record<string, unknown>;
  hostConfig: Record<string, unknown>;
}

type ReadExtra = (value: unknown, rules: ExtrasRules, key: string) => unknown;

/** An allow-list with exact spelling: the engine ignores case, so that `privileged` would be as good as `Privileged`. */
const CONTAINER_EXTRAS: Record<string, ReadExtra> = {
  User: text,
  Hostname: text,
  StopSignal: text,
  StopTimeout: wholeNumber,
  ExposedPorts: (value, _rules, key) => ports(value, key, () => ({})),
};

const HOST_EXTRAS: Record<string, ReadExtra> = {
  Memory: (value, { policy }) => allowedLimit("Memory", value, policy.limits.memoryBytes),
  NanoCpus: (value, { policy, cpus }) => allowedLimit("NanoCpus", value, Math.min(policy.limits.cpus, cpus) * 1e9),
  PidsLimit: (value, { policy }) => allowedLimit("PidsLimit", value, policy.limits.pids),
  Binds: async (value, rules, key) => Promise.all(textList(value, rules, key).map((bind) => allowedBind(bind, rules))),
  Mounts: async (value, rules, key) => Promise.all(list(value, key).map((mount) => allowedMount(mount, rules))),
  PortBindings: (value, _rules, key) => ports(value, key, (bindings) => list(bindings, key).map(portBinding)),
  CapAdd: (value, { policy }, key) => allowedCapabilities(textList(value, undefined, key), policy),
  ReadonlyRootfs: (value, _rules, key) => {
    if (typeof value !== "boolean") throw validationError(`${key} is true or false`);
    return value;
  },
  Tmpfs: (value) => allowedTmpfs(value),
  ExtraHosts: textList,
  ShmSize: (value, { policy }) => allowedLimit("ShmSize", value, policy.limits.memoryBytes),
  Devices: (value, { policy }, key) => {
    const devices = list(value, key);
    if (devices.length > 0 && !policy.devices) throw policyDenied("the policy does not allow devices");
    return devices;
  },
  // These three exist only where the policy opened them, and then with this one value.
  PidMode: (value, { policy }, key) => hostOnly(value, policy.hostPid, key),
  IpcMode: (value, { policy }, key) => hostOnly(value, policy.hostIpc, key),
  UTSMode: (value, { policy }, key) => hostOnly(value, policy.hostUts, key),
};

/** @throws ApiError policy_denied for a key that is not in the list, or that the policy forbids; validation_error. */
export async function readExtras(extras: Record<string, unknown>, rules: ExtrasRules): Promise<Extras> {
  const { HostConfig = {}, ...container } = extras;
  return {
    container: await readKnown(container, CONTAINER_EXTRAS, "", rules),
    hostConfig: await readKnown(HostConfig, HOST_EXTRAS, "HostConfig.", rules),
  };
}

async function readKnown(
  fields: unknown,
  readers: Record<string, ReadExtra>,
  prefix: string,
  rules: ExtrasRules,
): Promise<Record<string, unknown>> {
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
    throw validationError("createExtras and its HostConfig are objects");
  }
  const read: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    const reader = Object.hasOwn(readers, key) ? readers[key] : undefined;
    if (reader === undefined) throw policyDenied(`createExtras must not have ${prefix}${key}`);
    read[key] = await reader(value, rules, `${prefix}${key}`);
  }
  return read;
}

function hostOnly(value: unknown, isAllowed: boolean, key: string): string {
  if (!isAllowed || value !== "host") throw policyDenied(`the policy does not allow ${key} ${JSON.stringify(value)}`);
  return "host";
}

function text(value: unknown, _rules: unknown, key: string): string {
  if (typeof value !== "string" || value.includes("\0")) throw validationError(`${key} is a text`);
  return value;
}

function wholeNumber(value: unknown, _rules: unknown, key: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw validationError(`${key} is a whole number`);
  }
  return value;
}

function list(value: unknown, key: string): unknown[] {
  if (!Array.isArray(value)) throw validationError(`${key} is a list`);
  return value;
}

function textList(value: unknown, _rules: unknown, key: string): string[] {
  const entries = list(value, key);
  if (!entries.every((entry): entry is string => typeof entry === "string" && !entry.includes("\0"))) {
    throw validationError(`${key} is a list of texts`);
  }
  return entries;
}

function ports(value: unknown, key: string, read: (entry: unknown) => unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw validationError(`${key} is an object`);
  return Object.fromEntries(
    Object.entries(value).map(([port, entry]) => {
      if (!/^\d{1,5}(?:\/(?:tcp|udp|sctp))?$/.test(port)) throw validationError(`${key}: ${port} is no port`);
      return [port, read(entry)];
    }),
  );
}

/** On loopback unless an address is named: the engine's own default is every address of the host. */
function portBinding(value: unknown): { HostIp: string; HostPort: string } {
  const { HostIp = "", HostPort = "" } = { ...(value as { HostIp?: unknown; HostPort?: unknown } | null) };
  if (typeof HostIp !== "string" || typeof HostPort !== "string") {
    throw validationError("a port's HostIp and HostPort are texts");
  }
  return { HostIp: HostIp === "" ? "127.0.0.1" : HostIp, HostPort };
}
