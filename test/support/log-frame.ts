const STREAM_NUMBERS = { stdin: 0, stdout: 1, stderr: 2, system: 3 };

/** One frame of Docker's multiplexed log stream. */
export function logFrame(stream: keyof typeof STREAM_NUMBERS, payload: string | Buffer): Buffer {
  const body = Buffer.from(payload);
  const header = Buffer.alloc(8);
  header[0] = STREAM_NUMBERS[stream];
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
}

/** The bytes cut into pieces of a size, as a network may deliver them. */
export function cut(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
}
