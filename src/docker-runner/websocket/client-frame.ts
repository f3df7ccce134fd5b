import { constants } from "node:os";
import { validationError } from "../api-error.ts";
import { readBase64 } from "../base64.ts";

/** What a caller may say on a WebSocket (docker-runner.md §5). */
export type ClientFrame =
  | { type: "start"; fields: Record<string, unknown> }
  | { type: "stdin"; data: Buffer }
  | { type: "eof" }
  | { type: "resize"; columns: number; rows: number }
  | { type: "signal"; signal: string }
  | { type: "close" };

/** @throws ApiError validation_error */
export function readClientFrame(text: string): ClientFrame {
  const fields = parse(text);
  switch (fields["type"]) {
    case "start": {
      const { type, ...command } = fields;
      return { type, fields: command };
    }
    case "stdin": {
      const data = typeof fields["data"] === "string" ? readBase64(fields["data"]) : null;
      if (data === null) throw validationError("the data of a stdin frame is base64");
      return { type: "stdin", data };
    }
    case "resize":
      return { type: "resize", columns: readCells(fields["cols"], "cols"), rows: readCells(fields["rows"], "rows") };
    case "signal":
      return { type: "signal", signal: readSignal(fields["signal"]) };
    case "eof":
    case "close":
      return { type: fields["type"] };
    default:
      throw validationError(`there is no frame of type ${JSON.stringify(fields["type"])}`);
  }
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return { ...value };
  } catch {
    // Said below, as for JSON that is no object.
  }
  throw validationError("a frame is a JSON object");
}

function readCells(value: unknown, name: string): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > 65_535) {
    throw validationError(`${name} of a resize frame is a whole number from 1 to 65535`);
  }
  return value;
}

/** @returns the name as a shell's `kill -s` takes it. */
function readSignal(value: unknown): string {
  if (typeof value !== "string" || !Object.hasOwn(constants.signals, value)) {
    throw validationError("signal is a name such as SIGTERM");
  }
  return value.slice("SIG".length);
}
