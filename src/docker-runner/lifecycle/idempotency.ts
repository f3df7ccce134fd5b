import { createHash } from "node:crypto";
import { ApiError } from "../api-error.ts";

/** How long an answer is remembered in memory, for repetitions of calls whose container is gone already. */
const REMEMBERED_MS = 10 * 60_000;
const MAX_REMEMBERED = 10_000;

interface Remembered<T> {
  bodyHash: string;
  answer: Promise<T>;
  atMs: number;
}

/** One piece of work a key: repeated calls, also at once, get the first one's answer. What failed may be tried again. */
export class IdempotentCalls<T> {
  readonly #calls = new Map<string, Remembered<T>>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** @throws ApiError idempotency_conflict (409) when the key came with another request before. */
  run(key: string, bodyHash: string, work: () => Promise<T>): Promise<T> {
    this.#forgetOld();
    const known = this.#calls.get(key);
    if (known !== undefined) {
      if (known.bodyHash !== bodyHash) throw idempotencyConflict();
      return known.answer;
    }
    const answer = work();
    this.#calls.set(key, { bodyHash, answer, atMs: this.#nowMs() });
    answer.catch(() => this.#calls.delete(key));
    return answer;
  }

  /** Oldest first: a Map keeps the order of insertion. */
  #forgetOld(): void {
    const oldestMs = this.#nowMs() - REMEMBERED_MS;
    for (const [key, { atMs }] of this.#calls) {
      if (atMs >= oldestMs && this.#calls.size < MAX_REMEMBERED) return;
      this.#calls.delete(key);
    }
  }
}

export function idempotencyConflict(): ApiError {
  return new ApiError(409, "idempotency_conflict", "this Idempotency-Key was used for another request");
}

/** Of a key, or of a body whose keys may come in any order. */
export function hashOf(value: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(sortKeys(value)))
    .digest("hex");
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([key, one]) => [key, sortKeys(one)]));
}
