import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { isUnfinishedRotation, listArchives } from "@stigmer/agent-runner/log-format";
import { systemErrorCode } from "../errors.ts";

/** What a log reader asks of the file system; tests count and delay these calls. */
export interface LogFiles {
  /** Null when it does not exist. */
  open(path: string): Promise<LogFile | null>;
  stat(path: string): Promise<FileIdentity | null>;
  /** Numbers of the archives of a log, oldest first. */
  listArchives(file: string): number[];
  /** Whether the archive's lines still stand in the live file. */
  isUnfinishedRotation(file: string, generation: number): boolean;
}

export interface LogFile {
  readonly inode: number;
  /** Bytes read, 0 at the end. */
  read(buffer: Buffer, range: { at: number; length: number; position: number }): Promise<number>;
  close(): Promise<void>;
}

export interface FileIdentity {
  inode: number;
  size: number;
  mtimeMs: number;
}

/**
 * The system calls are synchronous: a log is read in thousands of small steps from the page cache, and a trip through
 * the thread pool would cost three times the step. Nothing else waits in the process of a reader; who prints gives the
 * event loop its turns.
 */
export const logFiles: LogFiles = {
  async open(path) {
    const fd = ifExists(() => openSync(path, "r"));
    if (fd === null) return null;
    return {
      inode: fstatSync(fd).ino,
      async read(buffer, { at, length, position }) {
        return readSync(fd, buffer, at, length, position);
      },
      async close() {
        closeSync(fd);
      },
    };
  },
  async stat(path) {
    const found = statSync(path, { throwIfNoEntry: false });
    return found === undefined ? null : { inode: found.ino, size: found.size, mtimeMs: found.mtimeMs };
  },
  listArchives,
  isUnfinishedRotation,
};

function ifExists<T>(attempt: () => T): T | null {
  try {
    return attempt();
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return null;
    throw error;
  }
}
