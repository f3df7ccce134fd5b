import { AppError } from "../../errors.ts";
import { readTextIfExistsSync, removeIfExists, writeFileAtomic } from "../../platform/files.ts";
import { currentBootId, identify, identifySync, type ProcessIdentity } from "../../platform/process-identity.ts";

/** The second line of a PID file: what proves that the PID on the first still means the same process. */
export interface PidRecord {
  /** Clock ticks since boot on Linux, the text of `ps -o lstart=` on macOS. */
  startTime: string | number;
  bootId: string;
  /** The program that was started. */
  executable: string;
  /** The home's UUID. */
  instance: string;
  /** Of the stigmer that started it. */
  version: string;
  runnerId?: string;
  /** Tells whether it was started from another configuration than the present one. */
  specHash?: string;
  /** RFC 3339. */
  startedAt?: string;
}

export type PidFileState =
  | { kind: "absent" }
  /** It runs, and it is ours. */
  | { kind: "alive"; identity: ProcessIdentity; record: PidRecord }
  /** Nothing runs under this PID: the file is stale. */
  | { kind: "dead"; pid: number; record: PidRecord | null }
  /** Something runs under this PID that is not proven ours: never to be signalled; the file is stale. */
  | { kind: "stranger"; pid: number; detail: string }
  /** No PID can be read from it. */
  | { kind: "damaged"; detail: string };

/** @throws AppError DISK_FULL, PERMISSION_DENIED, …; the old file is then intact. */
export async function writePidFile(path: string, { pid, ...record }: PidRecord & { pid: number }): Promise<void> {
  await writeFileAtomic(path, `${pid}\n${JSON.stringify(record)}\n`);
}

/**
 * What a PID file means now. Whatever the file holds, this answers and never throws.
 *
 * @param instance The home's UUID; null when it is not known, and the record's is then believed.
 */
export async function readPidFile(path: string, instance: string | null): Promise<PidFileState> {
  const content = readContent(path);
  return "kind" in content ? content : judge(content, await identify(content.pid), instance);
}

/** For `server status`. */
export function readPidFileSync(path: string, instance: string | null): PidFileState {
  const content = readContent(path);
  return "kind" in content ? content : judge(content, identifySync(content.pid), instance);
}

/** True when there was one. @throws AppError, as removeIfExists does. */
export function removePidFile(path: string): Promise<boolean> {
  return removeIfExists(path);
}

interface Content {
  pid: number;
  record: PidRecord | null;
}

const MAX_BYTES = 64 * 1024;

function readContent(path: string): Content | Extract<PidFileState, { kind: "absent" | "damaged" }> {
  let text: string | null;
  try {
    text = readTextIfExistsSync(path, { maxBytes: MAX_BYTES });
  } catch (error) {
    return { kind: "damaged", detail: error instanceof AppError ? error.message : String(error) };
  }
  if (text === null) return { kind: "absent" };
  const [first = "", second = ""] = text.split("\n", 2);
  const pid = parsePid(first);
  if (pid === null) return { kind: "damaged", detail: `${path} does not begin with a PID` };
  return { pid, record: parseRecord(second) };
}

/** Pure: the file's content against who runs under its PID now. */
function judge({ pid, record }: Content, now: ProcessIdentity | null, instance: string | null): PidFileState {
  if (now === null) return { kind: "dead", pid, record };
  const stranger = (detail: string): PidFileState => ({ kind: "stranger", pid, detail });
  if (record === null) return stranger(`nothing in the file proves that process ${pid} is ours`);
  if (record.bootId !== currentBootId()) return stranger(`the file is from before the machine was started again`);
  if (record.startTime !== now.startTime) return stranger(`process ${pid} started at another time than the file says`);
  if (instance !== null && record.instance !== instance) return stranger(`process ${pid} belongs to another home`);
  return { kind: "alive", identity: now, record };
}

function parsePid(line: string): number | null {
  if (!/^[1-9]\d{0,9}$/.test(line.trimEnd())) return null;
  const pid = Number(line);
  return pid < 2 ** 31 ? pid : null;
}

function parseRecord(line: string): PidRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null; // A file that proves nothing; its PID may still be told.
  }
  return isPidRecord(value) ? value : null;
}

function isPidRecord(value: unknown): value is PidRecord {
  if (typeof value !== "object" || value === null) return false;
  const fields: Partial<Record<string, unknown>> = { ...value };
  const isText = (name: string) => typeof fields[name] === "string" && fields[name] !== "";
  const isTextOrAbsent = (name: string) => fields[name] === undefined || typeof fields[name] === "string";
  return (
    (isText("startTime") || typeof fields["startTime"] === "number") &&
    ["bootId", "executable", "instance", "version"].every(isText) &&
    ["runnerId", "specHash", "startedAt"].every(isTextOrAbsent)
  );
}
