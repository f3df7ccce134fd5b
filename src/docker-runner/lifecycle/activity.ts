/** When each container with a time to live was last used, by a clock that nobody sets. */
export class Activity {
  readonly #entries = new Map<string, Entry>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** From now on this container goes when it was not used for so long. What is known of it stays. */
  watch(containerId: string, ttlMs: number): void {
    const known = this.#entries.get(containerId);
    if (known === undefined) this.#entries.set(containerId, { ttlMs, usedAtMs: this.#nowMs(), users: 0 });
  }

  forget(containerId: string): void {
    this.#entries.delete(containerId);
  }

  get containerIds(): string[] {
    return [...this.#entries.keys()];
  }

  touch(containerId: string): void {
    const entry = this.#entries.get(containerId);
    if (entry !== undefined) entry.usedAtMs = this.#nowMs();
  }

  /** A use that lasts, such as an exec: until it ends, the container does not expire. Ending it twice is once. */
  begin(containerId: string): () => void {
    const entry = this.#entries.get(containerId);
    if (entry === undefined) return () => {};
    entry.users += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      entry.users -= 1;
      entry.usedAtMs = this.#nowMs();
    };
  }

  expired(): string[] {
    const nowMs = this.#nowMs();
    return [...this.#entries]
      .filter(([, { ttlMs, usedAtMs, users }]) => users === 0 && usedAtMs + ttlMs <= nowMs)
      .map(([containerId]) => containerId);
  }
}

interface Entry {
  ttlMs: number;
  usedAtMs: number;
  /** Execs and streams under way. */
  users: number;
}
