/** Settings are two levels deep, and a list in a flow makes it four. */
const MAX_DEPTH = 50;

/**
 * The line, from 1, where a text is nested deeper than any configuration; null when none is. YAML parsers recurse, and a
 * stack that ends inside V8's regular expressions ends the process without a word.
 */
export function findExcessiveNesting(text: string): number | null {
  let open = 0;
  for (const [index, line] of text.split("\n").entries()) {
    for (const character of line) {
      if (character === "[" || character === "{") open += 1;
      else if (character === "]" || character === "}") open = Math.max(0, open - 1);
    }
    const indent = /^[ \t]*/.exec(line)?.[0].length ?? 0;
    const compact = /^\s*((?:[-?:]\s+)*)/.exec(line)?.[1]?.match(/[-?:]/g)?.length ?? 0;
    if (open > MAX_DEPTH || indent > 4 * MAX_DEPTH || compact > MAX_DEPTH) return index + 1;
  }
  return null;
}
