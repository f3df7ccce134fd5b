/** Deeper than anybody's data, and far from where whatever recurses over a value runs out of stack. */
const MAX_DEPTH = 500;

/** Whether parsed JSON is nested deeper than anything here should have to follow. Looks without recursion. */
export function isNestedTooDeep(value: unknown, maxDepth = MAX_DEPTH): boolean {
  let level = [value].filter(isContainer);
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > maxDepth) return true;
    level = level.flatMap((container) => Object.values(container).filter(isContainer));
  }
  return false;
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
