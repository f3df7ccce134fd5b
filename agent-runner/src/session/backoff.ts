import { setTimeout as delay } from "node:timers/promises";

const FIRST_MS = 100;
const LONGEST_MS = 500;

/**
 * The pause before repeat number `attempt` (from 0) of a call to a server that is away: 100 ms doubling to 500 ms, of
 * which up to half is taken off at random so that many runners do not come back in step.
 * @param random in [0, 1)
 */
export function reconnectPauseMs(attempt: number, random: number): number {
  const full = Math.min(FIRST_MS * 2 ** attempt, LONGEST_MS);
  return Math.round(full * (1 - random / 2));
}

/** Waits for {@link reconnectPauseMs}. @throws the signal's reason */
export async function pauseBeforeRepeat(attempt: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(reconnectPauseMs(attempt, Math.random()), undefined, { signal });
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}
