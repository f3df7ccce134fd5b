/** Every setting of `config.yaml` after defaults, file, environment and flags (product.md §9). Plain data. */
export interface Settings {
  server: { host: string; port: number };
  engine: "embedded" | "temporal";
  temporal: { managed: boolean; address: string; namespace: string; uiPort: number };
  agentRunner: {
    runtime: "docker" | "process";
    image: string;
    registryImage: string | null;
    pull: "never" | "missing";
    containerName: string | null;
    network: string;
    /** A folder of the user's, absolute; null means `data/workspace`. */
    workspace: string | null;
    memoryBytes: number;
    concurrency: number;
  };
  dockerRunner: { enabled: boolean; port: number };
  llm: { provider: string; model: string; baseUrl: string | null; apiKeyEnv: string | null };
  execution: {
    mode: "local" | "sandbox";
    sandboxImage: string | null;
    sandboxImages: string[];
    timeoutMs: number;
    /** How long ended executions are kept; null means for ever. */
    retentionMs: number | null;
  };
  logs: { maxSizeBytes: number; maxFiles: number };
}

export interface LoadedSettings {
  settings: Settings;
  /** One sentence each: unknown STIGMER_ variables, … */
  warnings: string[];
}
