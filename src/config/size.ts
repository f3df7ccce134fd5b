/** As Docker reads them: every unit is a power of 1024, so `1g`, `1GB` and `1GiB` are the same. */
const UNIT_BYTES: Record<string, number> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** Bytes of `1g`, `512m`, `10MiB`, `64kb`, `1024`; null for anything else. */
export function parseSize(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text);
  if (match === null) return null;
  const bytes = Math.round(Number(match[1]) * (UNIT_BYTES[(match[2] ?? "").toLowerCase()] ?? Number.NaN));
  return Number.isSafeInteger(bytes) ? bytes : null;
}
