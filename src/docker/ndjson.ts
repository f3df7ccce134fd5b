const NEWLINE = 0x0a;

/**
 * The JSON documents of a stream, one a line, however the stream is cut; the last needs no newline. A line that is no
 * JSON rejects with a SyntaxError. Memory is bounded by the longest line.
 */
export async function* readJsonLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<unknown> {
  let pending: Buffer[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const line = joinLine(pending, chunk.subarray(start, end));
      pending = [];
      start = end + 1;
      if (line !== "") yield JSON.parse(line);
    }
    if (start < chunk.length) pending.push(chunk.subarray(start));
  }
  const rest = joinLine(pending, Buffer.alloc(0));
  if (rest !== "") yield JSON.parse(rest);
}

function joinLine(pending: Buffer[], last: Buffer): string {
  return Buffer.concat([...pending, last])
    .toString()
    .trim();
}
