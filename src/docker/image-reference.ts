/** A reference taken apart as the Engine API wants it. `tag` also holds digests, as the API's `tag` parameter does. */
export interface ImageReference {
  repository: string;
  tag: string | null;
  /** The registry's host, `docker.io` when the reference names none. */
  registry: string;
}

/** `host:5000/name:tag@sha256:…` → its parts. */
export function parseImageReference(reference: string): ImageReference {
  const digestAt = reference.indexOf("@");
  const named = digestAt === -1 ? reference : reference.slice(0, digestAt);
  const tagAt = named.lastIndexOf(":");
  const hasTag = tagAt > named.lastIndexOf("/"); // A colon before a slash belongs to the registry's port.
  const repository = hasTag ? named.slice(0, tagAt) : named;
  const tag = digestAt === -1 ? (hasTag ? named.slice(tagAt + 1) : null) : reference.slice(digestAt + 1);
  return { repository, tag, registry: registryOf(repository) };
}

/** The first part is a host when it cannot be a user's name: it has a dot, a port, or is localhost. */
function registryOf(repository: string): string {
  const [first = "", ...rest] = repository.split("/");
  return rest.length > 0 && (/[.:]/.test(first) || first === "localhost") ? first : "docker.io";
}
