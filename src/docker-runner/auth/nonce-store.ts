export type Claim = "claimed" | "replayed" | "full";

/** With two thousand requests a second for the default minute, in both directions of the clock, and some room. */
const DEFAULT_CAPACITY = 300_000;

/**
 * The nonces of verified requests, each remembered for as long as its timestamp could be accepted. The store is bounded
 * and never forgets one early: a full one takes no more. Nonces that end in the same second go together, so that neither
 * a claim nor the forgetting looks through them all.
 */
export class NonceStore {
  readonly capacity: number;
  readonly #nonces = new Set<string>();
  readonly #bySecond = new Map<number, string[]>();
  #forgottenUpToMs = Number.NEGATIVE_INFINITY;
  #lookedAtSecond = 0;

  constructor(capacity = DEFAULT_CAPACITY) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.#nonces.size;
  }

  /** No nonce up to this time of expiry is known any more: after the clock was set back, they must not be accepted. */
  get forgottenUpToMs(): number {
    return this.#forgottenUpToMs;
  }

  has(nonce: string): boolean {
    return this.#nonces.has(nonce);
  }

  /** Remembers a nonce until `untilMs`, in one step with the look whether it is there. */
  claim(nonce: string, untilMs: number, nowMs: number): Claim {
    if (this.#nonces.has(nonce)) return "replayed";
    this.#forgetExpired(nowMs);
    if (this.#nonces.size >= this.capacity) return "full";
    this.#nonces.add(nonce);
    const second = Math.floor(untilMs / 1000);
    const others = this.#bySecond.get(second);
    if (others === undefined) this.#bySecond.set(second, [nonce]);
    else others.push(nonce);
    return "claimed";
  }

  #forgetExpired(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    if (second === this.#lookedAtSecond) return;
    this.#lookedAtSecond = second;
    for (const [ending, nonces] of this.#bySecond) {
      const endMs = (ending + 1) * 1000;
      if (endMs > nowMs) continue;
      for (const nonce of nonces) this.#nonces.delete(nonce);
      this.#bySecond.delete(ending);
      this.#forgottenUpToMs = Math.max(this.#forgottenUpToMs, endMs);
    }
  }
}
