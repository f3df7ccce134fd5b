/** Image references as users write them: `registry:port/path/name:tag@digest`. Pure. */
import { AppError } from "../errors.ts";

/** Host names may be upper case, repositories may not; a tag has at most 128 characters. */
const REFERENCE =
  /^(?<repository>(?:[a-zA-Z0-9][a-zA-Z0-9.-]*(?::\d+)?\/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::(?<tag>\w[\w.-]{0,127}))?(?:@(?<digest>[a-z0-9]+:[0-9a-f]{32,}))?$/;

export interface ImageReference {
  /** Registry and path, as written. */
  repository: string;
  tag: string | null;
  digest: string | null;
}

/** @throws AppError USAGE for what no engine would take. */
export function parseReference(text: string): ImageReference {
  const groups = REFERENCE.exec(text)?.groups;
  if (groups?.["repository"] === undefined) {
    throw new AppError("USAGE", `"${text}" is no image reference`, {
      hint: "Write it as NAME:TAG or REGISTRY/NAME:TAG, in lower case: registry.example.com/stigmer-agent-runner:v1",
    });
  }
  return { repository: groups["repository"], tag: groups["tag"] ?? null, digest: groups["digest"] ?? null };
}

/** The same repository under `:v<version>`. A version's `+build` part cannot stand in a tag. */
export function versionReference(repository: string, version: string): string {
  return `${repository}:v${version.replaceAll("+", "-")}`;
}

/** The registry's address, or null for Docker Hub and names without one. */
export function registryOf(reference: string): string | null {
  const [first, ...rest] = reference.split("/");
  if (first === undefined || rest.length === 0) return null;
  return first.includes(".") || first.includes(":") || first === "localhost" ? first : null;
}
