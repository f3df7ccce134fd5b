/** What an engine's words about a registry mean. Pure. */
import { isDiskFull } from "./failure-text.ts";

export type RegistryFailure =
  | "unreachable"
  | "not-found"
  | "unauthorised"
  | "wrong-architecture"
  | "disk-full"
  | "other";

/** In this order: "pull access denied …, repository does not exist or may require 'docker login'" is a refusal. */
const SIGNS: readonly (readonly [RegistryFailure, RegExp])[] = [
  ["wrong-architecture", /no matching manifest|does not match the specified platform/i],
  ["unauthorised", /unauthorized|authentication required|access denied|\bdenied\b|no basic auth|forbidden/i],
  ["not-found", /manifest unknown|manifest for .* not found|name unknown|repository .*not found|does not exist/i],
  [
    "unreachable",
    /dial tcp|no such host|connection re(fused|set)|timeout|timed out|network is unreachable|no route to host|server gave HTTP response|x509|certificate|tls:|\bEOF\b/i,
  ],
  ["not-found", /not found/i],
];

export function classifyRegistryFailure(text: string): RegistryFailure {
  if (isDiskFull(text)) return "disk-full";
  return SIGNS.find(([, sign]) => sign.test(text))?.[0] ?? "other";
}

/** The failure as the end of a sentence that names the image. */
export function describeRegistryFailure(failure: RegistryFailure, registry: string | null): string {
  const name = registry === null ? "the registry" : `the registry ${registry}`;
  switch (failure) {
    case "unreachable":
      return `${name} cannot be reached`;
    case "not-found":
      return `${name} does not have it`;
    case "unauthorised":
      return `${name} does not have it or wants a login`;
    case "wrong-architecture":
      return `${name} does not have it for this machine's architecture`;
    case "disk-full":
      return "the disk is full";
    case "other":
      return `${name} refused`;
    default:
      return failure satisfies never;
  }
}
