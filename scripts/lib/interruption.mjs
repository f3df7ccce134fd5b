import { setTimeout as delay } from "node:timers/promises";
import { StepError } from "./step-error.mjs";

const controller = new AbortController();

/**
 * Aborted by the first SIGINT or SIGTERM, with a {@link StepError} that carries the exit code.
 *
 * @type {AbortSignal}
 */
export const interruption = controller.signal;

/** From here on a signal ends the script after the program that runs has ended in its own way. */
export function catchSignals() {
  process.on("SIGINT", () => controller.abort(new StepError("interrupted", 130)));
  process.on("SIGTERM", () => controller.abort(new StepError("interrupted", 143)));
}

/** @param {number} durationMs */
export async function pause(durationMs) {
  try {
    await delay(durationMs, undefined, { signal: interruption });
  } catch {
    throw interruption.reason;
  }
}
