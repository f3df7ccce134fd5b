import type { Clock } from "../platform/clock.ts";
import { readTextIfExists, writeFileAtomic } from "../platform/files.ts";
import { RESTART_POLICY } from "../stack/restart-policy.ts";
import type { RestartRecord, Supervised } from "./supervised.ts";

/** Counters survive a crash of the server (product.md §8.3): one small JSON file, gone with a clean stop. */
export async function saveRestarts(path: string, components: Iterable<Supervised>, clock: Clock): Promise<void> {
  const offsetMs = clock.nowMs() - clock.monotonicMs();
  const records = Object.fromEntries(
    [...components].map((component): [string, RestartRecord] => [
      component.name,
      {
        restarts: component.restarts,
        lastExit: component.lastExit,
        deathsAtMs: component.history.deathsMs.map((at) => at + offsetMs),
        consecutive: component.history.consecutive,
      },
    ]),
  );
  await writeFileAtomic(path, `${JSON.stringify(records)}\n`);
}

/** Reads the counters back; a damaged file is only forgotten counters, so it is ignored. */
export async function loadRestarts(path: string): Promise<Map<string, RestartRecord>> {
  try {
    const records = JSON.parse((await readTextIfExists(path)) ?? "{}") as Record<string, RestartRecord>;
    return new Map(Object.entries(records).filter(([, record]) => isRecord(record)));
  } catch {
    return new Map(); // Counters are a convenience: never a reason not to start.
  }
}

/** Death times of an earlier server on this server's monotonic clock; a wall clock that jumped cannot stretch them. */
export function restoreRestarts(component: Supervised, record: RestartRecord, clock: Clock): void {
  component.restarts = record.restarts;
  component.lastExit = record.lastExit;
  const nowMs = clock.nowMs();
  component.history = {
    consecutive: record.consecutive,
    deathsMs: record.deathsAtMs
      .map((at) => nowMs - at)
      .filter((ageMs) => ageMs >= 0 && ageMs < RESTART_POLICY.windowMs)
      .map((ageMs) => clock.monotonicMs() - ageMs),
  };
}

function isRecord(value: unknown): value is RestartRecord {
  if (typeof value !== "object" || value === null) return false;
  const record = value as Partial<RestartRecord>;
  return (
    typeof record.restarts === "number" && Array.isArray(record.deathsAtMs) && typeof record.consecutive === "number"
  );
}
