import { validationError } from "../api-error.ts";

const SECONDS = /^\d{1,11}(?:\.\d{1,9})?$/;
const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.(\d{1,9}))?(?:[Zz]|[+-]\d\d:\d\d)$/;

/**
 * A `since` as the engine takes it: seconds with up to nine decimals.
 *
 * @param text seconds since the epoch, or RFC 3339
 * @throws ApiError validation_error
 */
export function toEngineTime(text: string): string {
  if (SECONDS.test(text)) return text;
  const match = RFC_3339.exec(text);
  const wholeMs = match === null ? Number.NaN : Date.parse(text.replace(/\.\d+/, "").replace(" ", "T"));
  if (Number.isNaN(wholeMs) || wholeMs < 0) {
    throw validationError("since is a time in seconds since the epoch, or as in 2026-01-31T12:00:00Z");
  }
  const fraction = match?.[1] ?? "";
  return fraction === "" ? String(wholeMs / 1000) : `${wholeMs / 1000}.${fraction}`;
}
