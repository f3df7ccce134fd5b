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
  /** The docker-runner service that a container was made through. */
  runner: "ai.stigmer.runner",
} as const;
