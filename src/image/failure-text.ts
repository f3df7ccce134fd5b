/** Reading what tools and engines say when they fail. Pure. */

const MAX_LINES = 20;

/** The last lines of an output that say something. */
export function lastLines(text: string, count: number = MAX_LINES): string {
  return text
    .split(/[\r\n]+/)
    .filter((line) => line.trim() !== "")
    .slice(-count)
    .join("\n");
}

export function isDiskFull(text: string): boolean {
  return /no space left on device|disk quota exceeded|ENOSPC|EDQUOT/i.test(text);
}
