import { pause } from "./killing.ts";

const LIMIT_MS = 60_000;
const LOOK_MS = 25;

/** For what nobody tells: looks until it holds. @throws after a minute, naming it. */
export async function untilTold(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = LIMIT_MS,
): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`waited ${limitMs} ms for ${what}`);
    await pause(LOOK_MS);
  }
}
