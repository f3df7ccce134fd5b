import { closeSync, fstatSync, mkdirSync, openSync, readSync, statSync, truncateSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { formatLines, formatProcessStart } from "./format.ts";
import { liveLimitBytes, type RotationLimits, recoverRotation, rotate } from "./rotation.ts";
import { systemErrorCode } from "./system-error.ts";
import type { LogSink } from "./writer.ts";

export interface FileSinkOptions extends RotationLimits {
  component: string;
  file: string;
  now?: () => number;
}

/** Appends to a file that others (this process's fd 1 and 2, a dying predecessor) append to as well. */
export function fileSink(options: FileSinkOptions): LogSink {
  const now = options.now ?? Date.now;
  const log = new AppendedFile(options);
  let dropped: { lines: number; reason: string } | null = null;
  let open = true;

  const append = (text: string): void => {
    try {
      log.append(text);
    } catch (error) {
      // Disk full, folder gone, no permission: the process goes on, and says so once it can write again.
      dropped = { lines: (dropped?.lines ?? 0) + 1, reason: systemErrorCode(error) ?? String(error) };
    }
  };

  append(formatProcessStart(`${options.component} process ${process.pid} started`, now()));
  return {
    write(level, text) {
      if (!open) return;
      const timeMs = now();
      if (dropped !== null) {
        const notice = `${dropped.lines} log messages were dropped: ${dropped.reason}`;
        const before = dropped;
        dropped = null;
        append(formatLines(notice, { timeMs, stream: "stderr", level: "warn" }));
        if (dropped !== null) dropped = before;
      }
      const stream = level === "warn" || level === "error" ? "stderr" : "stdout";
      append(formatLines(text, { timeMs, stream, level }));
    },
    close() {
      open = false;
      log.close();
    },
  };
}

/** The live file: opened when needed, looked at now and then, rotated when it is full. */
class AppendedFile {
  readonly #file: string;
  readonly #limits: RotationLimits;
  readonly #limitBytes: number;
  readonly #checkEveryBytes: number;
  #fd: number | null = null;
  /** What this process knows of the file's size; raw output of others shows at the next look. */
  #size = 0;
  #writtenSinceLook = 0;
  #endsInMidLine = false;
  #retryRotationAtBytes = 0;

  constructor(options: FileSinkOptions) {
    this.#file = options.file;
    this.#limits = { maxSizeBytes: options.maxSizeBytes, maxFiles: options.maxFiles };
    this.#limitBytes = liveLimitBytes(this.#limits);
    this.#checkEveryBytes = Math.min(64 * 1024, Math.ceil(this.#limitBytes / 16));
  }

  append(text: string): void {
    const bytes = Buffer.from(text);
    if (this.#fd === null) this.#open();
    else if (this.#writtenSinceLook >= this.#checkEveryBytes) this.#look();
    if (this.#size > 0 && this.#size + bytes.length > this.#limitBytes) this.#rotate();
    this.#write(this.#endsInMidLine ? Buffer.concat([NEWLINE, bytes]) : bytes);
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #open(): void {
    mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
    // Read as well: the end of what a killed predecessor left has to be seen.
    const fd = openSync(this.#file, "a+", 0o600);
    this.#fd = fd;
    recoverRotation(this.#file);
    this.#size = fstatSync(fd).size;
    this.#writtenSinceLook = 0;
    this.#endsInMidLine = this.#size > 0 && !endsWithNewline(fd, this.#size);
  }

  /** Learns the real size, and follows the name when somebody removed the file under it. */
  #look(): void {
    const named = statSync(this.#file, { throwIfNoEntry: false });
    if (named === undefined || this.#fd === null || named.ino !== fstatSync(this.#fd).ino) {
      this.close();
      this.#open();
      return;
    }
    this.#size = named.size;
    this.#writtenSinceLook = 0;
  }

  #rotate(): void {
    if (this.#size < this.#retryRotationAtBytes) return;
    try {
      rotate(this.#file, this.#limits);
      this.#becomeEmpty();
    } catch {
      // The archive cannot be written, most likely for want of space. Lines go on into the live file while that works,
      // up to twice its size; after that the newest lines matter more than the oldest.
      if (this.#size < 2 * this.#limitBytes) this.#retryRotationAtBytes = this.#size + this.#checkEveryBytes;
      else {
        truncateSync(this.#file, 0);
        this.#becomeEmpty();
      }
    }
  }

  #becomeEmpty(): void {
    this.#size = 0;
    this.#endsInMidLine = false;
    this.#retryRotationAtBytes = 0;
  }

  #write(bytes: Buffer): void {
    if (this.#fd === null) return;
    for (let written = 0; written < bytes.length; ) {
      // A full disk may take the first part only: the next line must not be glued to it.
      const count = writeSync(this.#fd, bytes, written);
      written += count;
      this.#size += count;
      this.#writtenSinceLook += count;
      this.#endsInMidLine = written < bytes.length;
    }
  }
}

const NEWLINE = Buffer.from("\n");

function endsWithNewline(fd: number, size: number): boolean {
  const last = Buffer.alloc(1);
  readSync(fd, last, 0, 1, size - 1);
  return last[0] === NEWLINE[0];
}
