import type { Path } from "../field-path.ts";

/** Where `__proto__` is a key: the schema would leave it out without a word, since it is no key of a plain object. */
export function lostKeys(data: unknown, path: Path = []): Path[] {
  if (typeof data !== "object" || data === null) return [];
  return Object.entries(data).flatMap(([key, value]) => {
    const at = [...path, Array.isArray(data) ? Number(key) : key];
    return key === "__proto__" ? [at] : lostKeys(value, at);
  });
}
