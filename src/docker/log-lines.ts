import type { ContainerLogLine } from "./engine.ts";
import { FrameReader, type OutputStream } from "./log-frames.ts";

/** Turns the bytes of a log into lines. */
export interface LineReader {
  /** The lines that this chunk completes; they share its memory. */
  push(chunk: Buffer): ContainerLogLine[];
  /** What is left when the stream ends. */
  end(): ContainerLogLine[];
}

const NEWLINE = 0x0a;
const SPACE = 0x20;
/** The engine cuts longer lines into pieces of this many bytes; a shorter piece without a newline is a line's end. */
const PIECE_BYTES = 16 * 1024;
/** A line that never ends is cut here, so that it cannot eat the memory. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

interface OpenLine {
  time: string;
  pieces: Buffer[];
  bytes: number;
}

/** Lines of a container without a terminal: frames that each begin with a timestamp. */
export class FramedLineReader implements LineReader {
  readonly #frames = new FrameReader();
  readonly #joiner = new LineJoiner();

  push(chunk: Buffer): ContainerLogLine[] {
    const lines: ContainerLogLine[] = [];
    this.#frames.push(chunk, (stream, frame) => this.#joiner.push(stream, frame, lines));
    return lines;
  }

  end(): ContainerLogLine[] {
    const lines: ContainerLogLine[] = [];
    this.#joiner.end(lines);
    return lines;
  }
}

/** Whether a timestamped frame, whose timestamp ends at `space`, is the last piece of its line. */
export function endsLine(frame: Buffer, space: number): boolean {
  return frame[frame.length - 1] === NEWLINE || frame.length - space - 1 < PIECE_BYTES;
}

/** Joins pieces to lines, each stream by itself: the pieces of the two may alternate. */
class LineJoiner {
  readonly #open: Record<OutputStream, OpenLine | null> = { stdout: null, stderr: null };

  /** Adds one frame that begins with its timestamp; appends the line that it completes. */
  push(stream: OutputStream, frame: Buffer, lines: ContainerLogLine[]): void {
    const space = frame.indexOf(SPACE);
    const last = endsLine(frame, space);
    const piece = frame.subarray(space + 1, frame[frame.length - 1] === NEWLINE ? frame.length - 1 : frame.length);
    const open = this.#open[stream];
    if (open === null && last) {
      lines.push({ time: frame.toString("latin1", 0, space), stream, line: piece });
      return;
    }
    const line = open ?? { time: frame.toString("latin1", 0, space), pieces: [], bytes: 0 };
    line.pieces.push(piece);
    line.bytes += piece.length;
    this.#open[stream] = line;
    if (last || line.bytes >= MAX_LINE_BYTES) this.#close(stream, line, lines);
  }

  /** What is left when the stream ends. */
  end(lines: ContainerLogLine[]): void {
    for (const stream of ["stdout", "stderr"] as const) {
      const open = this.#open[stream];
      if (open !== null) this.#close(stream, open, lines);
    }
  }

  #close(stream: OutputStream, { pieces, time }: OpenLine, lines: ContainerLogLine[]): void {
    this.#open[stream] = null;
    lines.push({ time, stream, line: Buffer.concat(pieces) });
  }
}
