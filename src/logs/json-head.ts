/** Longer than any head, the time's digits and a long level included. */
const HEAD_BYTES = 80;
const BRACE = 0x7b;
const HEAD = /^\{"level":"([a-z]+)","time":"([^"]+)"/;

/** Level and time of a line that a service wrote as JSON, docker-runner's way: `{"level":"info","time":"…",…`. */
export function readJsonHead(buffer: Buffer, start: number, end: number): { level: string; timeMs: number } | null {
  if (buffer[start] !== BRACE) return null;
  const match = HEAD.exec(buffer.toString("latin1", start, Math.min(end, start + HEAD_BYTES)));
  const [, level, time] = match ?? [];
  const timeMs = Date.parse(time ?? "");
  return level === undefined || Number.isNaN(timeMs) ? null : { level, timeMs };
}
