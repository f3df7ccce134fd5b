import { AppError, type AppErrorOptions, type ErrorCode } from "../errors.ts";
import type { DialledCandidate, Discovery } from "./discovery.ts";
import { flavourOfSocket } from "./flavour.ts";
import type { HostFacts } from "./host-facts.ts";
import type { InstalledEngine } from "./installed.ts";
import {
  type Hint,
  type HintedEndpoint,
  installHint,
  permissionHint,
  startHint,
  undoChoice,
  unresponsiveHint,
} from "./start-hints.ts";

export interface UnusableDocker {
  discovery: Discovery;
  installed: InstalledEngine[];
  host: HostFacts;
}

/** Why no engine can be used, and the next command to type. */
export function dockerUnusableError({ discovery, installed, host }: UnusableDocker): AppError {
  const culprit = mostTelling(discovery.candidates);
  const make = (code: ErrorCode, message: string, hint: Hint) =>
    new AppError(code, message, options(discovery, host, hint));
  if (culprit === undefined || culprit.outcome === "absent") {
    const where = discovery.explicit && culprit !== undefined ? ` (${describe(culprit)})` : "";
    if (installed.length === 0)
      return make("DOCKER_NOT_INSTALLED", `Docker is not installed${where}`, installHint(host));
    const endpoint = culprit !== undefined && discovery.explicit ? culprit.endpoint : likelyEndpoint(installed, host);
    return make("DOCKER_NOT_RUNNING", `Docker is installed but not running${where}`, startHint(endpoint, host));
  }
  const { endpoint, outcome } = culprit;
  switch (outcome) {
    case "forbidden":
      return make(
        "DOCKER_PERMISSION_DENIED",
        `No permission to use Docker: ${describe(culprit)}`,
        permissionHint(endpoint),
      );
    case "unresponsive":
      return make(
        "DOCKER_UNRESPONSIVE",
        `Docker does not answer: ${describe(culprit)}`,
        unresponsiveHint(endpoint, host),
      );
    case "garbage":
      return make(
        "DOCKER_UNRESPONSIVE",
        `What listens there is no Docker engine: ${describe(culprit)}`,
        startHint(endpoint, host),
      );
    case "refused":
      return make("DOCKER_NOT_RUNNING", `Docker is not running: ${describe(culprit)}`, startHint(endpoint, host));
    case "unsupported":
    case "skipped":
    case "ok":
      return make("DOCKER_NOT_RUNNING", `Docker cannot be reached: ${describe(culprit)}`, startHint(endpoint, host));
    default:
      return outcome satisfies never;
  }
}

/** Most telling first: a socket that forbids or hangs says more than one that is not there. */
const TELLING: DialledCandidate["outcome"][] = ["forbidden", "unresponsive", "garbage", "refused", "unsupported"];

function mostTelling(candidates: DialledCandidate[]): DialledCandidate | undefined {
  for (const outcome of TELLING) {
    const found = candidates.find((candidate) => candidate.outcome === outcome);
    if (found !== undefined) return found;
  }
  return candidates[0];
}

function describe({ endpoint, detail }: DialledCandidate): string {
  return `${endpoint.url} (${endpoint.source}): ${detail}`;
}

function likelyEndpoint(installed: InstalledEngine[], host: HostFacts): HintedEndpoint {
  const flavour = installed[0]?.flavour ?? "unknown";
  const socketPath = "/var/run/docker.sock";
  const source = "installed program";
  if (flavour === "unknown") return { flavour: flavourOfSocket(socketPath, host), socketPath, source };
  return { flavour, socketPath: null, source };
}

function options(discovery: Discovery, host: HostFacts, hint: Hint): AppErrorOptions {
  const tried = discovery.candidates.map((candidate) => describe(candidate)).join("\n");
  const { text, actions } = host.platform === "win32" ? installHint(host) : hint;
  const [named] = discovery.explicit ? discovery.candidates : [];
  const undo = named === undefined ? null : undoChoice(named.endpoint.source);
  const isNew = undo !== null && !actions.some(({ command }) => command === undo.command);
  return { detail: tried === "" ? null : tried, hint: text, actions: isNew ? [...actions, undo] : actions };
}
