/** Names of deployments: of containers, images, volumes, and of nothing that a shell or a parser could misread. Pure. */
import { createHash } from "node:crypto";
import { AppError } from "../errors.ts";
import { toDisplayText } from "../platform/display-text.ts";
import { quoteForShell } from "../platform/shell-quote.ts";

const NAME = /^[a-z0-9][a-z0-9._-]*$/;
const MAX_LENGTH = 63;

export function isDeploymentName(name: string): boolean {
  return NAME.test(name) && name.length <= MAX_LENGTH;
}

/** @throws AppError USAGE with the nearest name that is one. */
export function requireDeploymentName(name: string): string {
  if (isDeploymentName(name)) return name;
  const nearest = slug(name);
  throw new AppError("USAGE", `"${toDisplayText(name)}" is no name for a deployment; the nearest is ${nearest}`, {
    hint: `A name has at most ${MAX_LENGTH} of a-z, 0-9, ".", "_" and "-", and begins with a letter or digit: --name ${quoteForShell(nearest)}`,
  });
}

/** The name of a deployment that was given none. Two flows of which nothing can be kept still have two names. */
export function slug(flowName: string): string {
  const plain = flowName
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9._]+/g, "-")
    .replace(/-{2,}/g, "-")
    .replace(/^[^a-z0-9]+/, "")
    .slice(0, MAX_LENGTH)
    .replace(/[^a-z0-9]+$/, "");
  return plain === "" ? `workflow-${digest(flowName)}` : plain;
}

/** What of a deployment is called how in Docker; everything begins with its name. */
export interface DockerNames {
  container: string;
  /** With its tag. */
  image: string;
  /** The image of a run of `up` before it has proved itself. */
  candidateImage: string;
  network: string;
  jobsVolume: string;
}

export function dockerNames(name: string): DockerNames {
  const repository = `${repositoryOf(name)}-deployment`;
  return {
    container: name.length === 1 ? `${name}-deployment` : name, // Docker wants two characters at least.
    image: `${repository}:local`,
    candidateImage: `${repository}:candidate`,
    network: `${name}-network`,
    jobsVolume: `${name}-jobs`,
  };
}

/** Docker takes single separators only, and none at an end; names that this changes keep apart by their digest. */
function repositoryOf(name: string): string {
  const accepted = name.replace(/[._-]{2,}/g, "-").replace(/[._-]+$/, "");
  return accepted === name ? name : `${accepted}-${digest(name)}`;
}

/** A DNS label (RFC 1035), as Kubernetes wants its services named; names that this changes keep apart by their digest. */
export function kubernetesName(name: string): string {
  const label = name.replace(/[._-]+/g, "-");
  const lettered = (/^[a-z]/.test(label) ? label : `workflow-${label}`).replace(/-+$/, "");
  if (lettered === name) return name;
  const end = `-${digest(name)}`;
  return `${lettered.slice(0, MAX_LENGTH - end.length).replace(/-+$/, "")}${end}`;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}
