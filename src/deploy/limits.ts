/** What a deployment may use, under compose, `up` and Kubernetes alike. */
export const LIMITS = {
  memory: "512m",
  memoryBytes: 512 * 1024 * 1024,
  cpus: 1,
  pids: 256,
  logMaxSize: "10m",
  logMaxSizeBytes: 10 * 1024 * 1024,
  logMaxFiles: 5,
  /** From SIGTERM to the kill: what the server has to end the work under way. */
  stopGraceSeconds: 30,
} as const;
