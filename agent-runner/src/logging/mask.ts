export interface Mask {
  add(values: Iterable<string>): void;
  apply(text: string): string;
}

/** Replaces known secrets. The longest goes first, so that a secret that contains another leaves no remainder. */
export function createMask(): Mask {
  let secrets: string[] = [];
  return {
    add(values) {
      const wanted = [...values].filter((value) => value.length >= SHORTEST_SECRET);
      secrets = [...new Set([...secrets, ...wanted])].sort((a, b) => b.length - a.length);
    },
    apply(text) {
      return secrets.reduce((masked, secret) => masked.replaceAll(secret, "***"), text);
    },
  };
}

/** Anything shorter is no secret, and masking it would riddle every line. */
const SHORTEST_SECRET = 4;
