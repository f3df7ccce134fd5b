import { FrameReader, type OutputStream } from "../../docker/log-frames.ts";

/**
 * Takes an exec's output apart, at the pace of `onBytes`: while it waits, nothing more is read. A terminal has one stream.
 * The bytes share memory with the network's buffers.
 */
export async function readOutput(
  chunks: AsyncIterable<Buffer>,
  { tty }: { tty: boolean },
  onBytes: (stream: OutputStream, bytes: Buffer) => void | Promise<void>,
): Promise<void> {
  const frames = new FrameReader();
  for await (const chunk of chunks) {
    if (tty) {
      await onBytes("stdout", chunk);
      continue;
    }
    const payloads: [OutputStream, Buffer][] = [];
    frames.push(chunk, (stream, payload) => payloads.push([stream, payload]));
    for (const [stream, payload] of payloads) await onBytes(stream, payload);
  }
}
