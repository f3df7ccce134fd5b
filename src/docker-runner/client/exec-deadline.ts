import type { ExecOptions } from "./wire.ts";

/** The service needs so long to end what it gave up and to say so. */
const MARGIN_MS = 5_000;

/**
 * How long an exec's answer may take: never less than the exec itself may, null for without limit. An idle limit alone is no
 * limit of the whole, since every byte of output renews it.
 */
export function execDeadlineMs(
  { idleTimeoutMs = 0, timeoutMs = 0 }: Pick<ExecOptions, "timeoutMs" | "idleTimeoutMs">,
  requestTimeoutMs: number,
): number | null {
  if (timeoutMs === 0) return null;
  return Math.max(requestTimeoutMs, timeoutMs + MARGIN_MS, idleTimeoutMs + MARGIN_MS);
}
