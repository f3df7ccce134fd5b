/** Labels of everything we create in Docker (product.md §3, §13). */
export const LABEL = {
  managed: "ai.stigmer.managed",
  instance: "ai.stigmer.instance",
  component: "ai.stigmer.component",
  version: "ai.stigmer.version",
  specHash: "ai.stigmer.spec-hash",
  sourceHash: "ai.stigmer.source-hash",
  /** The runner id that the container's environment carries, so that a later server knows its session. */
  runnerId: "ai.stigmer.runner-id",
  /** Of containers made through docker-runner: which runner's they are. */
  runner: "ai.stigmer.runner",
  /** How long a container may be idle, in seconds, before docker-runner removes it. */
  ttlSeconds: "ai.stigmer.ttl-seconds",
  /** Which request made a container, so that its repetition finds it: a hash, never the key itself. */
  request: "ai.stigmer.request",
  /** The hash of what was asked for with that key. */
  requestBody: "ai.stigmer.request-body",
} as const;

/** Labels that nobody may claim for himself begin with this. */
export const RESERVED_LABEL_PREFIX = "ai.stigmer.";
