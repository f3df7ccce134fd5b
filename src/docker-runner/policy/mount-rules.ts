import { policyDenied, validationError } from "../api-error.ts";
import { matchesAny } from "./glob.ts";
import type { Policy } from "./policy.ts";

export interface MountRules {
  policy: Pick<Policy, "volumes">;
  /** Where a path of the host leads; rejects when it may not be mounted. */
  hostPath(path: string): Promise<string>;
  /** The driver's options of a volume; null when there is none of that name. */
  volumeOptions(name: string): Promise<Record<string, string> | null>;
}

const VOLUME_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

/**
 * `source:target[:ro|rw]`, the source a path of the host or a volume's name.
 *
 * @returns the bind with its source resolved.
 */
export async function allowedBind(bind: string, rules: MountRules): Promise<string> {
  const [source = "", target, ...modes] = bind.split(":");
  if (source === "" || target === undefined || modes.length > 1) {
    throw validationError(`${JSON.stringify(bind)} is no bind of the form source:target[:ro]`);
  }
  for (const mode of modes.flatMap((text) => text.split(","))) {
    // Others change labels or the propagation of mounts on the host.
    if (!["ro", "rw"].includes(mode)) throw policyDenied(`a bind may be ro or rw, not ${JSON.stringify(mode)}`);
  }
  checkTarget(target);
  const allowed = await (source.startsWith("/") ? rules.hostPath(source) : allowedVolume(source, rules));
  if (allowed.includes(":")) throw validationError(`${allowed} holds a colon: use createExtras.HostConfig.Mounts`);
  return [allowed, target, ...modes].join(":");
}

/** One of `HostConfig.Mounts`: its own keys only, none that reaches the driver of a volume or the host's mounts. */
export async function allowedMount(mount: unknown, rules: MountRules): Promise<object> {
  const { Type, Source, Target, ReadOnly = false, ...others } = toFields(mount, "a mount");
  const [unknown] = Object.keys(others).filter((key) => key !== "TmpfsOptions" && key !== "VolumeOptions");
  if (unknown !== undefined) throw policyDenied(`a mount must not have ${unknown}`);
  if (typeof Target !== "string" || typeof ReadOnly !== "boolean") throw validationError("a mount needs a Target");
  checkTarget(Target);
  const base = { Type, Target, ReadOnly };
  switch (Type) {
    case "bind":
      if (typeof Source !== "string") throw validationError("a bind mount needs a Source");
      refuse(others, "VolumeOptions", "TmpfsOptions");
      return { ...base, Source: await rules.hostPath(Source) };
    case "volume": {
      refuse(others, "TmpfsOptions");
      const options = others["VolumeOptions"] === undefined ? {} : readVolumeOptions(others["VolumeOptions"]);
      if (Source === undefined || Source === "") return { ...base, ...options };
      if (typeof Source !== "string") throw validationError("a mount's Source is a text");
      return { ...base, Source: await allowedVolume(Source, rules), ...options };
    }
    case "tmpfs":
      refuse(others, "VolumeOptions");
      if (Source !== undefined && Source !== "") throw validationError("a tmpfs has no Source");
      return others["TmpfsOptions"] === undefined
        ? base
        : { ...base, TmpfsOptions: readTmpfsOptions(others["TmpfsOptions"]) };
    default:
      throw policyDenied(`mounts of type ${JSON.stringify(Type)} are not allowed`);
  }
}

/** A volume that somebody made with options of its driver can be a folder of the host under another name. */
async function allowedVolume(name: string, { policy, volumeOptions }: MountRules): Promise<string> {
  if (!VOLUME_NAME.test(name) || !matchesAny(policy.volumes, name)) {
    throw policyDenied(`the policy does not allow the volume ${JSON.stringify(name)}`);
  }
  const options = await volumeOptions(name);
  if (options !== null && Object.keys(options).length > 0) {
    throw policyDenied(`the volume ${name} has options of its driver`);
  }
  return name;
}

/** A path inside the container. */
export function checkTarget(target: string): void {
  const parts = target.split("/");
  if (!/^\/[^:\0]*$/.test(target) || parts.includes("..") || parts.every((part) => part === "" || part === ".")) {
    throw validationError(`${JSON.stringify(target)} is no path to mount at`);
  }
}

const TMPFS_OPTION = /^(?:(?:size|mode|uid|gid|nr_inodes)=\w+|ro|rw|exec|noexec|nosuid|nodev|noatime)$/;

/** `HostConfig.Tmpfs`: target to mount options, without those that bring set-uid programs or devices back. */
export function allowedTmpfs(value: unknown): Record<string, string> {
  const tmpfs: Record<string, string> = {};
  for (const [target, options] of Object.entries(toFields(value, "Tmpfs"))) {
    checkTarget(target);
    if (typeof options !== "string") throw validationError("Tmpfs maps paths to options");
    const wrong = options.split(",").find((option) => option !== "" && !TMPFS_OPTION.test(option));
    if (wrong !== undefined) throw policyDenied(`a tmpfs must not be mounted with ${JSON.stringify(wrong)}`);
    tmpfs[target] = options;
  }
  return tmpfs;
}

function readVolumeOptions(value: unknown): object {
  const { NoCopy = false, ...others } = toFields(value, "VolumeOptions");
  refuse(others, ...Object.keys(others));
  if (typeof NoCopy !== "boolean") throw validationError("NoCopy is true or false");
  return { VolumeOptions: { NoCopy } };
}

function readTmpfsOptions(value: unknown): object {
  const { SizeBytes, Mode, ...others } = toFields(value, "TmpfsOptions");
  refuse(others, ...Object.keys(others));
  for (const number of [SizeBytes, Mode]) {
    if (number !== undefined && !Number.isSafeInteger(number)) throw validationError("TmpfsOptions are whole numbers");
  }
  return { SizeBytes, Mode };
}

function refuse(fields: Record<string, unknown>, ...keys: string[]): void {
  const [found] = keys.filter((key) => fields[key] !== undefined);
  if (found !== undefined) throw policyDenied(`a mount of this kind must not have ${found}`);
}

function toFields(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw validationError(`${what} must be an object`);
  }
  return { ...value };
}
