/**
 * The pause that a service asked for: `Retry-After` in seconds or as a date, or the `retry-after-ms` of some.
 * @returns milliseconds, not negative, or null when it asked for none.
 */
export function parseRetryAfterMs(headers: Record<string, string>, nowMs: number): number | null {
  const inMs = Number(headers["retry-after-ms"] || Number.NaN);
  if (Number.isFinite(inMs)) return Math.max(0, inMs);
  const text = headers["retry-after"];
  if (text === undefined || text === "") return null;
  const seconds = Number(text);
  const pauseMs = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(text) - nowMs;
  return Number.isFinite(pauseMs) ? Math.max(0, pauseMs) : null;
}
