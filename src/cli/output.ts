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

/** Wraps stdout or stderr. A reader that went away ends the output quietly; any other fault of the stream is thrown. */
export function createOutput({ open, onClosed }: OutputOptions): WatchedOutput {
  let opened: (Writable & Partial<NodeJS.WriteStream>) | null = null;
  let written = false;
  let closed = false;
  const waiters = new Set<() => void>();
  const stream = (): Writable & Partial<NodeJS.WriteStream> => {
    if (opened !== null) return opened;
    opened = open();
    opened.on("error", (error: Error) => {
      if (!GONE.includes(systemErrorCode(error) ?? "")) throw error;
      closed = true;
      for (const resume of waiters) resume();
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
      if (closed || !written) return Promise.resolve();
      return new Promise((resolve) => {
        waiters.add(resolve);
        // An empty write is answered once all before it were handed on.
        stream().write("", () => {
          waiters.delete(resolve);
          resolve();
        });
      });
    },
  };
}

/** How a pipe or a terminal says that its other end is gone. */
const GONE = ["EPIPE", "EIO", "ECONNRESET", "ERR_STREAM_DESTROYED"];

function isTerminal(stream: Writable & Partial<NodeJS.WriteStream>): stream is NodeJS.WriteStream {
  // A terminal that says it has no columns (a pty whose size nobody set) makes ora redraw without end.
  return stream.isTTY === true && typeof stream.cursorTo === "function" && (stream.columns ?? 0) > 0;
}
