/**
 * RFC 3339 as the engine's `since` and `until` take it: seconds since the epoch with nine decimals. `Date` ends at
 * milliseconds, so the fraction is carried over as text.
 */
export function toEngineTimestamp(time: string): string {
  const fraction = /\.(\d+)/.exec(time)?.[1] ?? "";
  const wholeSeconds = Math.floor(Date.parse(time.replace(/\.\d+/, "")) / 1000);
  if (Number.isNaN(wholeSeconds)) throw new RangeError(`not an RFC 3339 time: ${time}`);
  return `${wholeSeconds}.${fraction.slice(0, 9).padEnd(9, "0")}`;
}
