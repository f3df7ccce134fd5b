export interface KeyLines {
  values: Record<string, string>;
  /** The numbers of the lines that are not of the form KEY=value, from 1; never their content. */
  malformed: number[];
}

/**
 * Reads KEY=value lines, as `secrets.env` and the key file of a deployment hold them. Comments, blank lines, `export`
 * and quotes are understood; nothing is expanded.
 */
export function parseKeyLines(text: string): KeyLines {
  const values: Record<string, string> = {};
  const malformed: number[] = [];
  for (const [index, line] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const match = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/.exec(line);
    const value = match === null ? null : unquote(match[2] ?? "");
    if (match?.[1] === undefined || value === null) malformed.push(index + 1);
    else values[match[1]] = value;
  }
  return { values, malformed };
}

/** Null when a quote is not closed. Double quotes know `\n`, `\"` and `\\`; single quotes take everything as it is. */
function unquote(value: string): string | null {
  const quote = value[0];
  if (quote !== '"' && quote !== "'") return value.replace(/\s+#.*$/, "");
  const end = quote === '"' ? /^"((?:[^"\\]|\\.)*)"\s*(?:#.*)?$/.exec(value) : /^'([^']*)'\s*(?:#.*)?$/.exec(value);
  if (end?.[1] === undefined) return null;
  return quote === "'" ? end[1] : end[1].replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
}
