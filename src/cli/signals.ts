import { AppError } from "../errors.ts";

export const HANDLED_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
export type HandledSignal = (typeof HANDLED_SIGNALS)[number];

/** Signals this close to the first are its echo: a shaky keyboard, or npm sending on what the terminal sent too. */
const ECHO_MS = 100;

/** What the user's signals have asked for so far. */
export interface Interrupts {
  /** Aborted by the first signal, or when the reader of stdout went away. */
  readonly signal: AbortSignal;
  /** Aborted by the second. */
  readonly forceSignal: AbortSignal;
  /** 130 after SIGINT, 143 after SIGTERM or a lost terminal, null before any. */
  exitCode(): number | null;
  receive(name: HandledSignal): void;
  /** Stops the command because nobody reads its output any more; no signal's exit code. */
  stopForClosedOutput(): void;
}

export interface InterruptsOptions {
  /** A monotonic clock. */
  nowMs: () => number;
}

/** The policy: the first signal stops cleanly, its echo is ignored, the next one forces. */
export function createInterrupts(options: InterruptsOptions): Interrupts {
  const stop = new AbortController();
  const force = new AbortController();
  let first: { name: HandledSignal; atMs: number } | null = null;
  return {
    signal: stop.signal,
    forceSignal: force.signal,
    exitCode: () => (first === null ? null : exitCodeOfSignal(first.name)),
    receive(name) {
      const nowMs = options.nowMs();
      if (first === null) {
        first = { name, atMs: nowMs };
        stop.abort(new AppError("INTERRUPTED", `Interrupted by ${name}`));
      } else if (nowMs - first.atMs > ECHO_MS) {
        force.abort(new AppError("INTERRUPTED", `Interrupted twice, by ${name} at last`));
      }
    },
    stopForClosedOutput() {
      stop.abort(new AppError("INTERRUPTED", "The reader of the output went away"));
    },
  };
}

function exitCodeOfSignal(name: HandledSignal): number {
  return name === "SIGINT" ? 130 : 143;
}
