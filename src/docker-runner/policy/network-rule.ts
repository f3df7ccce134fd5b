import { policyDenied } from "../api-error.ts";
import { matchesAny } from "./glob.ts";
import type { Policy } from "./policy.ts";

export interface NetworkRules {
  policy: Pick<Policy, "networks" | "hostNetwork">;
  findNetwork(nameOrId: string): Promise<{ name: string; driver: string } | null>;
  /** The full ID of a container that the caller may use; rejects otherwise. */
  usableContainerId(idOrName: string): Promise<string>;
}

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
  if (wanted.startsWith("container:")) return `container:${await usableContainerId(wanted.slice("container:".length))}`;
  if (wanted === "bridge" || wanted === "none") {
    if (!matchesAny(policy.networks, wanted)) throw denied(wanted);
    return wanted;
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(wanted) || !matchesAny(policy.networks, wanted)) throw denied(wanted);
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
