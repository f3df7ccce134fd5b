import { ApiError } from "../api-error.ts";

/** What a call takes: a request is over with its answer, a stream lasts. */
export type CallKind = "request" | "stream";

/** How many calls of each kind run; those beyond the limits are turned away. */
export class Concurrency {
  readonly #limits: Record<CallKind, number>;
  readonly #running: Record<CallKind, number> = { request: 0, stream: 0 };
  #lasting = 0;
  readonly #waiting = new Set<() => void>();

  constructor({ requests, streams }: { requests: number; streams: number }) {
    this.#limits = { request: requests, stream: streams };
  }

  running(kind: CallKind): number {
    return this.#running[kind];
  }

  /** @returns the end of the call, to be called once. @throws ApiError too_many_requests (429) */
  enter(kind: CallKind): () => void {
    if (this.#running[kind] >= this.#limits[kind]) throw tooMany(kind, this.#limits[kind]);
    this.#running[kind] += 1;
    return () => {
      this.#running[kind] -= 1;
      this.#tellWhenIdle();
    };
  }

  /** Work that outlives its call, for the service's end to wait for. */
  async lasting<T>(work: Promise<T>): Promise<T> {
    this.#lasting += 1;
    try {
      return await work;
    } finally {
      this.#lasting -= 1;
      this.#tellWhenIdle();
    }
  }

  /** Resolves when nothing runs, at once if so. */
  async untilIdle(): Promise<void> {
    if (this.#isIdle()) return;
    await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  #tellWhenIdle(): void {
    if (this.#isIdle()) for (const resolve of this.#waiting) resolve();
  }

  #isIdle(): boolean {
    return this.#running.request === 0 && this.#running.stream === 0 && this.#lasting === 0;
  }
}

function tooMany(kind: CallKind, limit: number): ApiError {
  const message = `${limit} ${kind}s are served at once; try again later`;
  return new ApiError(429, "too_many_requests", message, { retryable: true });
}
