/** A setting of the generated server that whoever runs it may change. */
export interface ServerVariable {
  name: string;
  /** Empty: not set. */
  fallback: string;
  meaning: string;
  /** Never in a ConfigMap, an environment or a log. */
  isSecret?: boolean;
}

/** What compose passes on, the README explains, and `up` takes from a `.env`; where and how it listens is the container's own. */
export function serverVariables(syncTimeoutSeconds: number): ServerVariable[] {
  return [
    {
      name: "SYNC_TIMEOUT",
      fallback: String(syncTimeoutSeconds),
      meaning: "Seconds that `POST /run` waits for its job before it answers 202",
    },
    { name: "MAX_RUNNING", fallback: "4", meaning: "Jobs that run at once" },
    { name: "MAX_WAITING", fallback: "100", meaning: "Jobs that may wait; more are refused with 429" },
    { name: "JOB_TTL", fallback: "604800", meaning: "Seconds after which an ended job is forgotten" },
    {
      name: "API_TOKEN",
      fallback: "",
      meaning: "When set, every request except on health needs it as a bearer token",
      isSecret: true,
    },
    { name: "LLM_BASE_URL", fallback: "", meaning: "Where the model service is, instead of what the workflow says" },
    { name: "LOG_LEVEL", fallback: "info", meaning: "`debug`, `info`, `warn` or `error`" },
    { name: "OTEL_EXPORTER_OTLP_ENDPOINT", fallback: "", meaning: "When set, each job is sent there as one trace" },
    {
      name: "OTEL_EXPORTER_OTLP_HEADERS",
      fallback: "",
      meaning: "What the collector wants to be sent along: `name=value,…`",
      isSecret: true,
    },
    { name: "TRACE_CONTENT", fallback: "", meaning: "`true`: traces hold prompts and answers, too" },
  ];
}
