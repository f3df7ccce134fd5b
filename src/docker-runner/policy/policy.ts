/** What the holder of the secret may do (docker-runner.md §7). */
export interface Policy {
  images: string[];
  bindRoots: string[];
  volumes: string[];
  networks: string[];
  privileged: boolean;
  hostNetwork: boolean;
  hostPid: boolean;
  hostIpc: boolean;
  hostUts: boolean;
  dockerSocket: boolean;
  devices: boolean;
  newPrivileges: boolean;
  unmanaged: boolean;
  capabilities: string[];
  limits: { memoryBytes: number; cpus: number; pids: number };
  concurrency: { requests: number; streams: number };
}

export const STRICT_POLICY: Policy = {
  images: [],
  bindRoots: [],
  volumes: [],
  networks: ["bridge", "none"],
  privileged: false,
  hostNetwork: false,
  hostPid: false,
  hostIpc: false,
  hostUts: false,
  dockerSocket: false,
  devices: false,
  newPrivileges: false,
  unmanaged: false,
  capabilities: [],
  limits: { memoryBytes: 1024 ** 3, cpus: 2, pids: 512 },
  concurrency: { requests: 64, streams: 64 },
};

/** Every way in which a policy is laxer than the strict one, in words for the log. */
export function describeRelaxations(policy: Policy): string[] {
  const lists = (["images", "bindRoots", "volumes", "networks", "capabilities"] as const).flatMap((key) => {
    const added = policy[key].filter((entry) => !STRICT_POLICY[key].includes(entry));
    return added.length === 0 ? [] : [`${key}: ${added.join(", ")}`];
  });
  const switches = SWITCHES.filter((key) => policy[key]).map((key) => `${key}: true`);
  const limits = (["memoryBytes", "cpus", "pids"] as const)
    .filter((key) => policy.limits[key] > STRICT_POLICY.limits[key])
    .map((key) => `limits.${key === "memoryBytes" ? "memory" : key}: ${policy.limits[key]}`);
  const concurrency = (["requests", "streams"] as const)
    .filter((key) => policy.concurrency[key] > STRICT_POLICY.concurrency[key])
    .map((key) => `concurrency.${key}: ${policy.concurrency[key]}`);
  return [...lists, ...switches, ...limits, ...concurrency];
}

export const SWITCHES = [
  "privileged",
  "hostNetwork",
  "hostPid",
  "hostIpc",
  "hostUts",
  "dockerSocket",
  "devices",
  "newPrivileges",
  "unmanaged",
] as const;
