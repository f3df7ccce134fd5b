import { setMaxListeners } from "node:events";
import { realpath } from "node:fs/promises";
import type { Candidate } from "./candidates.ts";
import type { DockerEndpoint } from "./engine.ts";
import { flavourOfSocket } from "./flavour.ts";
import type { HostFacts } from "./host-facts.ts";
import { type PingOutcome, pingEndpoint } from "./ping.ts";

/** `skipped`: a better endpoint answered first. */
export type CandidateOutcome = PingOutcome | "skipped";

export interface DialledCandidate {
  endpoint: DockerEndpoint;
  outcome: CandidateOutcome;
  /** One clause, such as "nobody serves it". */
  detail: string;
  durationMs: number;
}

/** Which endpoint was chosen, and everything that `doctor` needs to say why. */
export interface Discovery {
  chosen: DockerEndpoint | null;
  /** In order of preference. */
  candidates: DialledCandidate[];
  /** The user named the endpoint (DOCKER_HOST, a context): no other is used in its place. */
  explicit: boolean;
  /** One sentence, without a final full stop. */
  reason: string;
}

export interface DialOptions {
  host: HostFacts;
  timeoutMs: number;
  /** How long a better place that has not answered yet holds up a worse one that has. */
  preferenceMs: number;
  signal: AbortSignal | undefined;
}

/** Dials every candidate at once and takes the best that answers. Never rejects; an abort ends it with no choice. */
export function dialCandidates(
  candidates: Candidate[],
  options: DialOptions,
): Promise<Pick<Discovery, "chosen" | "candidates">> {
  return new Promise((resolve) => {
    const startedAt = performance.now();
    const dialled: (DialledCandidate | null)[] = candidates.map(() => null);
    const losers = new AbortController();
    setMaxListeners(candidates.length, losers.signal); // Node warns on stderr beyond ten.
    const abandon = () => losers.abort();
    let windowPassed = false;
    let decided = false;

    const decide = () => {
      const choice = decided ? null : choose(dialled, windowPassed);
      if (choice === null) return;
      decided = true;
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", abandon);
      losers.abort();
      const elapsedMs = performance.now() - startedAt;
      resolve({
        chosen: choice === "none" ? null : choice.endpoint,
        candidates: candidates.map(({ endpoint }, index) => dialled[index] ?? skipped(endpoint, elapsedMs)),
      });
    };
    const timer = setTimeout(() => {
      windowPassed = true;
      decide();
    }, options.preferenceMs);
    options.signal?.addEventListener("abort", abandon, { once: true });
    if (options.signal?.aborted) losers.abort();

    candidates.forEach((candidate, index) => {
      void dial(candidate, { ...options, signal: losers.signal }).then((result) => {
        dialled[index] = { ...result, durationMs: performance.now() - startedAt };
        decide();
      });
    });
  });
}

/** The best that answers; null while a better or the last one is still awaited. */
function choose(dialled: (DialledCandidate | null)[], windowPassed: boolean): DialledCandidate | "none" | null {
  for (const candidate of dialled) {
    if (candidate?.outcome === "ok") return candidate;
    if (candidate === null && !windowPassed) return null;
  }
  return dialled.includes(null) ? null : "none";
}

async function dial(
  { endpoint, problem }: Candidate,
  options: DialOptions,
): Promise<Omit<DialledCandidate, "durationMs">> {
  if (problem !== null) return { endpoint, outcome: "unsupported", detail: problem };
  const [flavour, { outcome, detail }] = await Promise.all([
    flavourThroughLinks(endpoint, options.host),
    pingEndpoint(endpoint, options),
  ]);
  return { endpoint: { ...endpoint, flavour }, outcome, detail };
}

/** Desktop, Colima and others link the default socket to their own: the target tells whose it is. */
async function flavourThroughLinks(endpoint: DockerEndpoint, host: HostFacts) {
  if (endpoint.socketPath === null) return endpoint.flavour;
  try {
    const flavour = flavourOfSocket(await realpath(endpoint.socketPath), host);
    return flavour === "unknown" ? endpoint.flavour : flavour;
  } catch {
    return endpoint.flavour; // No such socket, or a closed folder: the ping says which.
  }
}

function skipped(endpoint: DockerEndpoint, durationMs: number): DialledCandidate {
  return { endpoint, outcome: "skipped", detail: "another endpoint answered first", durationMs };
}
