import { LABEL, RESERVED_LABEL_PREFIX } from "../../docker/labels.ts";
import { policyDenied, validationError } from "../api-error.ts";
import { type ExtrasRules, readExtras } from "../policy/extras.ts";
import { allowedBind, checkTarget } from "../policy/mount-rules.ts";
import { allowedNetworkMode, type NetworkRules } from "../policy/network-rule.ts";
import type { ContainerOptions } from "../schemas/containers.ts";
import { toEnvironmentList } from "./environment-list.ts";

export interface CreateRules extends ExtrasRules, NetworkRules {
  policy: ExtrasRules["policy"];
  runnerId: string;
}

export interface CreateRequest {
  options: ContainerOptions;
  /** The full reference, already allowed. */
  image: string;
  /** Labels of ours beyond those of every container. */
  ownLabels: Record<string, string>;
}

/**
 * The body of the engine's create call, of nothing but what was looked at: what the caller sent is never passed on whole.
 *
 * @throws ApiError policy_denied, validation_error
 */
export async function createBody({ image, options, ownLabels }: CreateRequest, rules: CreateRules): Promise<object> {
  const { policy } = rules;
  if (options.privileged === true && !policy.privileged) throw policyDenied("the policy does not allow privileged");
  const extras = await readExtras(options.createExtras ?? {}, rules);
  const binds = await Promise.all((options.binds ?? []).map((bind) => allowedBind(bind, rules)));
  const { Binds: extraBinds = [], ...hostExtras } = extras.hostConfig;
  return {
    Image: image,
    ...(options.cmd === undefined ? {} : { Cmd: options.cmd }),
    ...(options.entrypoint === undefined ? {} : { Entrypoint: toWords(options.entrypoint) }),
    ...(options.env === undefined ? {} : { Env: toEnvironmentList(options.env) }),
    ...(options.workingDir === undefined ? {} : { WorkingDir: options.workingDir }),
    ...(options.user === undefined ? {} : { User: options.user }),
    Tty: options.tty ?? false,
    OpenStdin: false,
    Volumes: toVolumes(options.anonymousVolumes ?? []),
    Labels: toLabels(options, ownLabels, rules.runnerId),
    ...extras.container,
    HostConfig: {
      ...limits(rules),
      ...hostExtras,
      // No swap on top: the sum of both is the limit.
      MemorySwap: hostExtras["Memory"] ?? policy.limits.memoryBytes,
      Binds: [...binds, ...(extraBinds as string[])],
      NetworkMode: await allowedNetworkMode(options.networkMode ?? "bridge", rules),
      Privileged: options.privileged ?? false,
      CapDrop: ["ALL"],
      SecurityOpt: policy.newPrivileges ? [] : ["no-new-privileges"],
      RestartPolicy: { Name: "no" },
      AutoRemove: options.autoRemove ?? true,
    },
  };
}

/** On a machine with fewer CPUs than the policy allows, the engine would refuse the policy's number. */
function limits({ cpus, policy }: CreateRules): object {
  return {
    Memory: policy.limits.memoryBytes,
    NanoCpus: Math.floor(Math.min(policy.limits.cpus, cpus) * 1e9),
    PidsLimit: policy.limits.pids,
  };
}

function toLabels(options: ContainerOptions, ownLabels: Record<string, string>, runnerId: string) {
  const labels = options.labels ?? {};
  const forged = Object.keys(labels).find((name) => name.toLowerCase().startsWith(RESERVED_LABEL_PREFIX));
  if (forged !== undefined) throw policyDenied(`the label ${forged} is reserved`);
  return {
    ...labels,
    [LABEL.managed]: "true",
    [LABEL.runner]: runnerId,
    // An image's labels are the container's too: these two must be ours or nobody's.
    [LABEL.ttlSeconds]: options.ttlSeconds === undefined ? "" : String(options.ttlSeconds),
    ...ownLabels,
  };
}

function toVolumes(targets: string[]): Record<string, object> {
  for (const target of targets) checkTarget(target);
  return Object.fromEntries(targets.map((target) => [target, {}]));
}

function toWords(words: string | string[]): string[] {
  if (typeof words !== "string") return words;
  if (words === "") throw validationError("entrypoint must not be empty");
  return [words];
}
