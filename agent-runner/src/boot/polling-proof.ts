import { closeSync, futimesSync, openSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FRESH_MS = 60_000;

/** The file whose modification time says when this container's runner last polled. */
export function pollingProofFile(env: NodeJS.ProcessEnv): string {
  return join(env["TMPDIR"] || tmpdir(), "stigmer-runner.polling");
}

/**
 * Marks a poll. The descriptor stays open, so that a mark is one system call.
 * @returns a function that never throws: a full or read-only temporary directory must not stop the runner.
 */
export function openPollingProof(file: string): () => void {
  let descriptor: number | null = null;
  try {
    descriptor = openSync(file, "w", 0o600);
  } catch {
    // Then the health check, which reads the same file, answers that nothing polls.
  }
  return () => {
    if (descriptor === null) return;
    const now = new Date();
    try {
      futimesSync(descriptor, now, now);
    } catch {
      // As above; the next mark would fail in the same way.
      closeSync(descriptor);
      descriptor = null;
    }
  };
}

/** @returns null when the runner polled within the last minute, else one sentence that says what is wrong. */
export function checkPolling(file: string, nowMs: number): string | null {
  const polledAt = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  if (polledAt === undefined) return `not polling: ${file} does not exist`;
  const ageMs = nowMs - polledAt;
  return ageMs <= FRESH_MS ? null : `not polling: the last poll was ${Math.round(ageMs / 1000)} s ago`;
}
