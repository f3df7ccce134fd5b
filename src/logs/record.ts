import type { ComponentName } from "../stack/component.ts";

export type LogStream = "stdout" | "stderr";

/** One line, exactly as it was written, without its newline. `time` is RFC 3339 with milliseconds, UTC. */
export interface LogRecord {
  type: "log";
  time: string;
  component: ComponentName;
  stream: LogStream;
  level: string | null;
  line: string;
}

/** Something that happened to the stream itself. */
export interface MarkerRecord {
  type: "marker";
  time: string;
  component: ComponentName;
  marker: "restarted" | "lost" | "truncated";
  detail: string;
}

export type LogItem = LogRecord | MarkerRecord;

export interface LogQuery {
  components: ComponentName[];
  follow: boolean;
  /** Lines from the end over all components together, or "all". */
  tail: number | "all";
  /** Milliseconds since the epoch, or null. */
  sinceMs: number | null;
  untilMs: number | null;
  grep: RegExp | null;
  level: string | null;
}
