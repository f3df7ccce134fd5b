import { parseDuration } from "../config/duration.ts";
import { AppError } from "../errors.ts";

const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/** Milliseconds of a flag such as `--timeout`. @throws AppError USAGE that shows an example. */
export function readDuration(text: string, flag: string, { mayBeZero = false } = {}): number {
  const ms = parseDuration(text);
  if (ms === null || (ms <= 0 && !mayBeZero))
    throw new AppError("USAGE", `${flag} must be a time such as 30s, 10m or 1h30m, not "${text}"`);
  return ms;
}

/**
 * A moment as milliseconds since the epoch: a duration counts back from now, RFC 3339 is taken as it is.
 * @throws AppError USAGE that shows an example of each.
 */
export function readMoment(text: string, flag: string, nowMs: number): number {
  const ms = parseDuration(text);
  if (ms !== null) return nowMs - ms;
  const moment = RFC_3339.test(text) ? Date.parse(text.replace(" ", "T")) : Number.NaN;
  if (!Number.isNaN(moment)) return moment;
  const example = new Date(nowMs).toISOString().replace(/\.\d+Z$/, "Z");
  throw new AppError("USAGE", `${flag} must be a time such as 30s, 10m, 1h30m or ${example}, not "${text}"`);
}
