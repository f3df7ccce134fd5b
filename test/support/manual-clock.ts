import type { Clock } from "../../src/platform/clock.ts";

interface Timer {
  dueMs: number;
  callback: () => void;
}

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  #monotonicMs = 0;
  #wallMs: number;
  #timers = new Set<Timer>();

  constructor(wallMs = Date.parse("2026-01-01T00:00:00Z")) {
    this.#wallMs = wallMs;
  }

  nowMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  setTimer(callback: () => void, delayMs: number): { cancel(): void } {
    const timer = { dueMs: this.#monotonicMs + Math.max(0, delayMs), callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets time pass: timers fire in the order of their time, those that a timer sets within the span as well. */
  advance(ms: number): void {
    const end = this.#monotonicMs + ms;
    for (let next = this.#nextDue(end); next !== null; next = this.#nextDue(end)) {
      this.#moveTo(next.dueMs);
      this.#timers.delete(next);
      next.callback();
    }
    this.#moveTo(end);
  }

  /** Somebody sets the wall clock; timers do not notice. */
  jumpWallClock(ms: number): void {
    this.#wallMs += ms;
  }

  #nextDue(end: number): Timer | null {
    let next: Timer | null = null;
    for (const timer of this.#timers) {
      if (timer.dueMs <= end && (next === null || timer.dueMs < next.dueMs)) next = timer;
    }
    return next;
  }

  #moveTo(monotonicMs: number): void {
    this.#wallMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }
}
