/** Names of levels that a query may name, from the least to the most severe. */
const SEVERITIES = ["trace", "debug", "info", "warn", "error", "fatal"];

/** Greater is more severe; -1 for a name that is not known. */
export function severityOf(level: string): number {
  return SEVERITIES.indexOf(level);
}

/** A level stands at the beginning of a line, or in the first members of its JSON. */
const LEVEL_BYTES = 512;

/** How programs write their levels: words, abbreviations, and pino's numbers. */
const SPELLINGS = new Map([
  ["trace", "trace"],
  ["10", "trace"],
  ["debug", "debug"],
  ["20", "debug"],
  ["info", "info"],
  ["notice", "info"],
  ["30", "info"],
  ["warn", "warn"],
  ["warning", "warn"],
  ["40", "warn"],
  ["error", "error"],
  ["err", "error"],
  ["50", "error"],
  ["fatal", "fatal"],
  ["critical", "fatal"],
  ["panic", "fatal"],
  ["60", "fatal"],
]);

const LEADING_WORD = /^\s*[[(<]?([A-Za-z]+)[\])>]?(?=[\s:|]|$)/;
const JSON_MEMBER = /"(?:level|severity)"\s*:\s*"?(\w+)/;
const LOGFMT_PAIR = /(?:^|\s)level=(\w+)/;

/** The level that a line of a foreign program states itself: `WARN …`, `[info] …`, `{"level":30}`, `level=error`. */
export function statedLevel(line: Buffer): string | null {
  const text = line.toString("utf8", 0, Math.min(line.length, LEVEL_BYTES));
  if (text.startsWith("{")) return normalize(JSON_MEMBER.exec(text));
  return normalize(LEADING_WORD.exec(text)) ?? normalize(LOGFMT_PAIR.exec(text));
}

function normalize(match: RegExpExecArray | null): string | null {
  return SPELLINGS.get((match?.[1] ?? "").toLowerCase()) ?? null;
}
