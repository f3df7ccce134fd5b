/** When a component that died is started again (product.md §8.3). Pure; times are monotonic milliseconds. */

export const RESTART_POLICY = {
  firstBackoffMs: 200,
  maxBackoffMs: 30_000,
  /** So long healthy, and earlier deaths are forgotten for the backoff. */
  resetAfterMs: 60_000,
  /** So many deaths within the window, and the component is `failed`. */
  maxDeaths: 10,
  windowMs: 600_000,
} as const;

export interface RestartHistory {
  /** Deaths since the last reset by health, for the backoff. */
  consecutive: number;
  /** When deaths happened, oldest first, within the window. */
  deathsMs: number[];
}

export type RestartDecision =
  | { kind: "restart"; delayMs: number; history: RestartHistory }
  | { kind: "give-up"; reason: string; history: RestartHistory };

export const NO_RESTARTS: RestartHistory = { consecutive: 0, deathsMs: [] };

/**
 * The first restart is immediate, later ones wait 0.2 s doubling to 30 s; `random` in [0, 1) takes up to a quarter off,
 * so that components that died together do not come back together.
 */
export function decideRestart(
  history: RestartHistory,
  death: { atMs: number; healthyForMs: number; random: number },
): RestartDecision {
  const deathsMs = [...history.deathsMs, death.atMs].filter((at) => death.atMs - at < RESTART_POLICY.windowMs);
  const consecutive = death.healthyForMs >= RESTART_POLICY.resetAfterMs ? 1 : history.consecutive + 1;
  const next = { consecutive, deathsMs };
  if (deathsMs.length >= RESTART_POLICY.maxDeaths) {
    const minutes = RESTART_POLICY.windowMs / 60_000;
    return { kind: "give-up", reason: `it ended ${deathsMs.length} times in ${minutes} minutes`, history: next };
  }
  return { kind: "restart", delayMs: backoffMs(consecutive, death.random), history: next };
}

function backoffMs(consecutive: number, random: number): number {
  if (consecutive <= 1) return 0;
  const full = Math.min(RESTART_POLICY.firstBackoffMs * 2 ** (consecutive - 2), RESTART_POLICY.maxBackoffMs);
  return Math.round(full * (1 - random / 4));
}
