import { DockerRequestError } from "./engine.ts";

export type OutputStream = "stdout" | "stderr";

const HEADER_BYTES = 8;
const SYSTEM_ERROR = 3;
/** No engine sends larger frames; a larger length is garbage, and waiting for it would eat the memory. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024;

/**
 * Takes the engine's multiplexed stream apart: stream number, three zeros, length as 32 bits big-endian, payload.
 * Chunks are kept, not joined, until a frame is whole, so that a frame of any size costs one copy.
 */
export class FrameReader {
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #neededBytes = HEADER_BYTES;

  /** The frames that this chunk completes. Payloads share the chunk's memory. */
  push(chunk: Buffer, onFrame: (stream: OutputStream, payload: Buffer) => void): void {
    let buffer = chunk;
    if (this.#pendingBytes > 0) {
      this.#pending.push(chunk);
      this.#pendingBytes += chunk.length;
      if (this.#pendingBytes < this.#neededBytes) return;
      buffer = Buffer.concat(this.#pending);
    }
    this.#keep(buffer.subarray(this.#consume(buffer, onFrame)));
  }

  #consume(buffer: Buffer, onFrame: (stream: OutputStream, payload: Buffer) => void): number {
    let offset = 0;
    this.#neededBytes = HEADER_BYTES;
    while (buffer.length - offset >= HEADER_BYTES) {
      const bytes = buffer.readUInt32BE(offset + 4);
      const type = buffer[offset] ?? 0;
      if (type > SYSTEM_ERROR || bytes > MAX_FRAME_BYTES)
        throw new DockerRequestError(502, "the log stream is not framed");
      const end = offset + HEADER_BYTES + bytes;
      if (end > buffer.length) {
        this.#neededBytes = HEADER_BYTES + bytes;
        break;
      }
      const payload = buffer.subarray(offset + HEADER_BYTES, end);
      if (type === SYSTEM_ERROR) throw new DockerRequestError(500, payload.toString());
      onFrame(type === 2 ? "stderr" : "stdout", payload);
      offset = end;
    }
    return offset;
  }

  #keep(rest: Buffer): void {
    this.#pending = rest.length === 0 ? [] : [rest];
    this.#pendingBytes = rest.length;
  }
}
