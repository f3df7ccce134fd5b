/** Who listens on a port. */
export interface PortOwner {
  /** Null when it is another user's process. */
  pid: number | null;
  /** Fit for display. */
  command: string | null;
  /** The 64 hex digits, when it runs in a container of this machine's engine. */
  containerId: string | null;
  /** `127.0.0.1:7234`, `[::]:7234`. */
  address: string;
  /** The marks that we give our processes, null where the environment cannot be read. */
  environment: { instance: string | null; component: string | null } | null;
  /** One of ours whose server is gone. */
  orphaned?: boolean;
}

export type PortOwnership = "ours" | "earlier run" | "foreign";

/** Names the owner for a person; `instance` is this home's UUID, null when it has none yet. */
export function describeOwner(
  owner: PortOwner,
  instance: string | null,
): { sentence: string; ownership: PortOwnership } {
  const ownership = ownershipOf(owner, instance);
  const place = placeOf(owner);
  const kind = KINDS[ownership](owner.environment?.component ?? "a process");
  return { sentence: `${owner.address} is held by ${nameOf(owner)}${place}${kind}`, ownership };
}

/** A published port of a container on a bridge is held by a proxy of the engine's, outside the container. */
function placeOf({ containerId, command, address }: PortOwner): string {
  if (containerId !== null) return ` in container ${containerId.slice(0, 12)}`;
  if (command === null || !PROXY.test(command)) return "";
  return ` for a container, see docker ps --filter publish=${address.slice(address.lastIndexOf(":") + 1)}`;
}

const PROXY = /^\S*(docker-proxy|rootlessport)\b/;

const KINDS: Record<PortOwnership, (component: string) => string> = {
  ours: (component) => `, which is ${component} of this home`,
  "earlier run": (component) => `, which is ${component} that an earlier run of this home left behind`,
  foreign: () => "",
};

function ownershipOf({ environment, orphaned }: PortOwner, instance: string | null): PortOwnership {
  if (instance === null || environment?.instance !== instance) return "foreign";
  return orphaned === true ? "earlier run" : "ours";
}

function nameOf({ pid, command }: PortOwner): string {
  if (pid === null) return "a process of another user";
  return command === null ? `process ${pid}` : `process ${pid} (${command})`;
}
