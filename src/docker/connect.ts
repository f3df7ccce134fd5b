import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { systemErrorCode } from "../errors.ts";
import { type CandidateList, listCandidates } from "./candidates.ts";
import { dockerUnusableError } from "./connect-errors.ts";
import { dockerConfigDir, selectContext } from "./contexts.ts";
import { type DialledCandidate, type Discovery, dialCandidates } from "./discovery.ts";
import type { DockerEndpoint, DockerEngine } from "./engine.ts";
import { type HostFacts, readHostFacts } from "./host-facts.ts";
import { findInstalledEngines } from "./installed.ts";

export interface DiscoverOptions {
  env: NodeJS.ProcessEnv;
  homeDir: string;
  signal?: AbortSignal;
  /** For the whole decision; product.md §13 allows 5 s. */
  timeoutMs?: number;
  /** For tests; else read from this machine. */
  host?: HostFacts;
}

const DEFAULT_TIMEOUT_MS = 5_000;
/** Left of the whole deadline for everything around the dialling. */
const MARGIN_MS = 500;
/** A healthy engine answers in milliseconds, one that is just waking in a few hundred. */
const PREFERENCE_MS = 1_000;
/** Dials every candidate at once and takes the best that answers. Never throws for an engine that is not there. */
export async function discoverDocker(options: DiscoverOptions): Promise<Discovery> {
  const { env, homeDir, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const host = options.host ?? readHostFacts();
  const [context, limaInstances] = await Promise.all([
    env["DOCKER_HOST"] ? null : selectContext(env, dockerConfigDir(env, homeDir)),
    listDirectory(env["LIMA_HOME"] || join(homeDir, ".lima")),
  ]);
  const list = listCandidates({ env, homeDir, host, context, limaInstances });
  const deadlineMs = Math.max(timeoutMs - MARGIN_MS, timeoutMs / 2);
  const { candidates, chosen } = await dialCandidates(list.candidates, {
    host,
    timeoutMs: deadlineMs,
    preferenceMs: PREFERENCE_MS,
    signal: options.signal,
  });
  options.signal?.throwIfAborted();
  return { chosen, candidates, explicit: list.explicit, reason: explainChoice(list, candidates, chosen) };
}

/**
 * Finds an engine and returns the calls to it.
 *
 * @throws AppError DOCKER_NOT_INSTALLED, DOCKER_NOT_RUNNING, DOCKER_PERMISSION_DENIED or DOCKER_UNRESPONSIVE with the
 * next command to type; the signal's reason when aborted.
 */
export async function connectDocker(options: DiscoverOptions): Promise<DockerEngine> {
  const discovery = await discoverDocker(options);
  if (discovery.chosen === null) throw await explainUnusableDocker(discovery, options);
  const { createEngine } = await import("./engine-dockerode.ts");
  return createEngine(discovery.chosen, { configDir: dockerConfigDir(options.env, options.homeDir), env: options.env });
}

/** The error that `connectDocker` throws for a discovery without a choice; `doctor` prints it. */
export async function explainUnusableDocker(discovery: Discovery, options: DiscoverOptions) {
  return dockerUnusableError({
    discovery,
    installed: await findInstalledEngines(options.env),
    host: options.host ?? readHostFacts(),
  });
}

function explainChoice(
  { explicit }: CandidateList,
  candidates: DialledCandidate[],
  chosen: DockerEndpoint | null,
): string {
  const [first] = candidates;
  if (explicit && first !== undefined) {
    const { endpoint, outcome, detail } = first;
    return `${endpoint.source} names ${endpoint.url}${outcome === "ok" ? "" : `: ${detail}`}`;
  }
  if (chosen === null) return `none of the ${candidates.length} places where engines listen answers`;
  const better = candidates.findIndex(({ endpoint }) => endpoint.url === chosen.url);
  const before = candidates.slice(0, better).filter(({ outcome }) => outcome !== "absent");
  const passedOver = before.map(({ endpoint, detail }) => `${endpoint.url} was passed over: ${detail}`);
  return [`the ${chosen.source} ${chosen.url} answers`, ...passedOver].join("; ");
}

async function listDirectory(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).filter((name) => !name.startsWith("_") && !name.startsWith(".")).sort();
  } catch (error) {
    if (systemErrorCode(error) !== null) return []; // Lima is not installed, or not ours to read.
    throw error;
  }
}
