import type { ErrorBody } from "../errors.ts";

/** The one JSON document that a command with `--json` prints (product.md §5). */
export interface Envelope {
  schemaVersion: 1;
  command: string;
  status: "ok" | "error";
  data: unknown;
  warnings: string[];
  error: ErrorBody | null;
}

export function successEnvelope(command: string, data: unknown, warnings: string[]): Envelope {
  return { schemaVersion: 1, command, status: "ok", data, warnings, error: null };
}

export function failureEnvelope(command: string, error: ErrorBody, warnings: string[]): Envelope {
  return { schemaVersion: 1, command, status: "error", data: null, warnings, error };
}
