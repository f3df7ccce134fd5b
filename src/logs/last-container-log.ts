import { closeSync, openSync, readSync } from "node:fs";
import { formatPrefix, formatProcessStart, LOG_LEVELS, type LogLevel } from "@stigmer/agent-runner/log-format";
import type { ContainerLogLine, DockerEngine } from "../docker/engine.ts";
import { writeFileAtomic } from "../platform/files.ts";
import { statedLevel } from "./levels.ts";

export interface SaveLastContainerLogOptions {
  engine: Pick<DockerEngine, "logs">;
  containerId: string;
  /** `data/logs/agent-runner.last.log` */
  file: string;
  /** For the reading; what was read by then is kept. Default 1 s. */
  timeoutMs?: number;
}

const MAX_BYTES = 1024 * 1024;
const TIMEOUT_MS = 1_000;
/** A mebibyte of lines of usual length; Docker counts lines, not bytes. */
const TAIL_LINES = 16 * 1024;
const NEWLINE = Buffer.from("\n");

/**
 * Keeps the last mebibyte of a container's log, which Docker deletes with the container: call it before the removal. The
 * file names the container, by which a follower knows that the removal was ours. An engine that does not answer in time
 * leaves a shorter log, never an error.
 *
 * @throws AppError DISK_FULL, PERMISSION_DENIED, … when the file cannot be written.
 */
export async function saveLastContainerLog(options: SaveLastContainerLogOptions): Promise<void> {
  const { engine, containerId, file, timeoutMs = TIMEOUT_MS } = options;
  const lines = await readLastLines(engine, containerId, AbortSignal.timeout(timeoutMs));
  const head = Buffer.from(formatProcessStart(headText(containerId), lines.at(0)?.timeMs ?? Date.now()));
  await writeFileAtomic(file, Buffer.concat([head, ...lines.map(({ bytes }) => bytes)]));
}

/** Whether the file was written for this container. */
export function isLastLogOf(file: string, containerId: string): boolean {
  const expected = Buffer.from(`${headText(containerId)}\n`);
  const head = Buffer.alloc(256);
  try {
    const fd = openSync(file, "r");
    try {
      return head.subarray(0, readSync(fd, head, 0, head.length, 0)).includes(expected);
    } finally {
      closeSync(fd);
    }
  } catch {
    return false; // No such file: nothing was saved.
  }
}

interface SavedLine {
  timeMs: number;
  bytes: Buffer;
}

async function readLastLines(
  engine: Pick<DockerEngine, "logs">,
  id: string,
  signal: AbortSignal,
): Promise<SavedLine[]> {
  let lines: SavedLine[] = [];
  let size = 0;
  try {
    for await (const line of engine.logs(id, { follow: false, tail: TAIL_LINES, since: null, until: null, signal })) {
      const saved = toSavedLine(line);
      lines.push(saved);
      size += saved.bytes.length;
      if (size < 2 * MAX_BYTES) continue;
      ({ lines, size } = keepLast(lines, size));
    }
  } catch {
    // Gone, mute or too slow: the container is to be removed all the same, and half a log is better than none.
  }
  return keepLast(lines, size).lines;
}

function keepLast(lines: SavedLine[], size: number): { lines: SavedLine[]; size: number } {
  let rest = size;
  const first = lines.findIndex(({ bytes }) => {
    if (rest <= MAX_BYTES) return true;
    rest -= bytes.length;
    return false;
  });
  return first < 0 ? { lines: [], size: 0 } : { lines: lines.slice(first), size: rest };
}

function toSavedLine({ time, stream, line }: ContainerLogLine): SavedLine {
  const timeMs = Date.parse(time);
  const prefix = formatPrefix({ timeMs, stream, level: storedLevel(statedLevel(line)) });
  return { timeMs, bytes: Buffer.concat([Buffer.from(prefix), line, NEWLINE]) };
}

/** The file knows fewer levels than programs have. */
function storedLevel(level: string | null): LogLevel | null {
  if (level === null) return null;
  return LOG_LEVELS.find((known) => known === level) ?? (level === "trace" ? "debug" : "error");
}

function headText(containerId: string): string {
  return `container ${containerId}`;
}
