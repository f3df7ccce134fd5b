import type { Writable } from "node:stream";
import { systemErrorCode } from "../errors.ts";
import type { Output } from "./context.ts";

/** A stream as commands see it, and whether anybody reads it still. */
export interface WatchedOutput extends Output {
  /** True once something was written. */
  readonly written: boolean;
  /** True once the reader went away, as `head` does. */
  readonly closed: boolean;
}

export interface OutputOptions {
  /** Called at first use only: Node takes 3 ms to make a standard stream. */
  open: () => Writable & Partial<NodeJS.WriteStream>;
  /** The reader closed the pipe. */
  onClosed: () => void;
}

/**
 * Wraps stdout or stderr. A reader that went away ends the output quietly; any other fault of the stream, such as a full
 * disk behind it, is thrown and rejects every `drained()`.
 */
export function createOutput({ open, onClosed }: OutputOptions): WatchedOutput {
  let opened: (Writable & Partial<NodeJS.WriteStream>) | null = null;
  let written = false;
  let closed = false;
  let failure: Error | null = null;
  const waiters = new Set<() => void>();
  const stream = (): Writable & Partial<NodeJS.WriteStream> => {
    if (opened !== null) return opened;
    opened = open();
    opened.on("error", (error: Error) => {
      closed = true;
      if (!isGone(error)) failure = error;
      for (const resume of waiters) resume();
      if (failure !== null) throw failure;
      onClosed();
    });
    return opened;
  };
  return {
    get isTTY() {
      return stream().isTTY === true;
    },
    get columns() {
      return stream().columns ?? 80;
    },
    get terminal() {
      const candidate = stream();
      return isTerminal(candidate) ? candidate : undefined;
    },
    get written() {
      return written;
    },
    get closed() {
      return closed;
    },
    write(text) {
      if (closed) return true;
      written = true;
      return stream().write(text);
    },
    drained() {
      return new Promise((resolve, reject) => {
        const settle = (error: Error | null | undefined): void => {
          waiters.delete(resume);
          if (failure === null && (error === null || error === undefined || isGone(error))) resolve();
          else reject(failure ?? error);
        };
        const resume = (): void => settle(failure);
        if (closed || !written) return resume();
        waiters.add(resume);
        // An empty write is answered once all before it were handed on.
        stream().write("", settle);
      });
    },
  };
}

function isGone(error: Error): boolean {
  return GONE.includes(systemErrorCode(error) ?? "");
}

/** How a pipe or a terminal says that its other end is gone. */
const GONE = ["EPIPE", "EIO", "ECONNRESET", "ERR_STREAM_DESTROYED"];

function isTerminal(stream: Writable & Partial<NodeJS.WriteStream>): stream is NodeJS.WriteStream {
  // A terminal that says it has no columns (a pty whose size nobody set) makes ora redraw without end.
  return stream.isTTY === true && typeof stream.cursorTo === "function" && (stream.columns ?? 0) > 0;
}
