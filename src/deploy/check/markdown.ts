/** The headings of a Markdown text, in order, outside of fenced blocks. Pure. @throws Error for a fence that is not closed. */
export function outlineOf(text: string): string[] {
  const headings: string[] = [];
  let fence: string | null = null;
  for (const line of text.split("\n")) {
    const run = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence !== null) {
      if (run !== undefined && run[0] === fence[0] && run.length >= fence.length && line.trim() === run) fence = null;
    } else if (run !== undefined) fence = run;
    else if (/^ {0,3}#{1,6}(\s|$)/.test(line)) headings.push(line);
    else if (/^ {0,3}(=+|-+)\s*$/.test(line)) throw new Error("a line underlines another as a heading");
  }
  if (fence !== null) throw new Error("a fence is not closed");
  return headings;
}
