import { policyDenied } from "../api-error.ts";
import { matchesAny } from "./glob.ts";
import type { Policy } from "./policy.ts";

export interface NetworkRules {
  policy: Pick<Policy, "networks" | "hostNetwork">;
  findNetwork(nameOrId: string): Promise<{ name: string; driver: string } | null>;
  /** The full ID of a container that the caller may use; rejects otherwise. */
  usableContainerId(idOrName: string): Promise<string>;
}

/** Of a network or a container. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

/**
 * The network mode that the engine is told, of a request's `networkMode`.
 *
 * @throws ApiError policy_denied
 */
export async function allowedNetworkMode(mode: string, rules: NetworkRules): Promise<string> {
  const { findNetwork, policy, usableContainerId } = rules;
  const wanted = mode === "" || mode === "default" ? "bridge" : mode;
  if (wanted === "host") {
    if (!policy.hostNetwork) throw denied(wanted);
    return wanted;
  }
  const [, container] = /^container:(.*)$/s.exec(wanted) ?? [];
  if (container !== undefined) {
    if (!NAME.test(container)) throw denied(wanted);
    return `container:${await usableContainerId(container)}`;
  }
  if (wanted === "bridge" || wanted === "none") {
    if (!matchesAny(policy.networks, wanted)) throw denied(wanted);
    return wanted;
  }
  if (!NAME.test(wanted) || !matchesAny(policy.networks, wanted)) throw denied(wanted);
  // The engine finds networks by ID as well, and the host's own has one.
  const network = await findNetwork(wanted);
  if (network === null) return wanted; // The engine says so itself.
  if (!matchesAny(policy.networks, network.name)) throw denied(network.name);
  if (network.driver === "host" && !policy.hostNetwork) throw denied(network.name);
  return network.name;
}

function denied(mode: string) {
  return policyDenied(`the policy does not allow the network ${JSON.stringify(mode)}`);
}
