import { severityOf } from "./levels.ts";
import type { LogQuery } from "./record.ts";
import { type LineRef, textOf } from "./source.ts";

export type LineFilter = (line: LineRef) => boolean;

/** What a query keeps; null keeps everything. A line without a level passes every level. */
export function lineFilter(query: Pick<LogQuery, "sinceMs" | "untilMs" | "grep" | "level">): LineFilter | null {
  const { sinceMs, untilMs, grep, level } = query;
  if (sinceMs === null && untilMs === null && grep === null && level === null) return null;
  const least = level === null ? -1 : severityOf(level);
  // A `g` or `y` expression remembers where it stopped and would skip lines.
  const pattern = grep === null ? null : new RegExp(grep.source, grep.flags.replaceAll(/[gy]/g, ""));
  return (line) =>
    (sinceMs === null || line.timeMs >= sinceMs) &&
    (untilMs === null || line.timeMs <= untilMs) &&
    (line.level === null || severityOf(line.level) >= least) &&
    (pattern === null || pattern.test(textOf(line)));
}
