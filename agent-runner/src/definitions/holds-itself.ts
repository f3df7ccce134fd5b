/** Whether a value is part of itself, as `&a [*a]` is: whoever walks such a value never comes to an end. */
export function holdsItself(value: unknown, above = new Set<unknown>(), seen = new Set<unknown>()): boolean {
  if (typeof value !== "object" || value === null || seen.has(value)) return false;
  if (above.has(value)) return true;
  above.add(value);
  const found = Object.values(value).some((part) => holdsItself(part, above, seen));
  above.delete(value);
  seen.add(value);
  return found;
}
