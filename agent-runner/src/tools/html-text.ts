/** What stands in these is not for readers. */
const HIDDEN = new Set(["script", "style", "noscript", "svg"]);
/** These begin or end a line. */
const BLOCKS = new Set(["p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article"]);
const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", nbsp: " " };
const LONGEST_NAME = 16;

/**
 * Words and line breaks of a page, without its markup. Every character is looked at a fixed number of times, whatever
 * the page: it may have been written to keep its reader busy.
 */
export function htmlToText(html: string): string {
  const parts: string[] = [];
  let at = 0;
  while (at < html.length) {
    const tag = html.indexOf("<", at);
    if (tag === -1) break;
    parts.push(html.slice(at, tag));
    const { shown, end } = readMarkup(html, tag);
    parts.push(shown);
    at = end;
  }
  parts.push(html.slice(at));
  const text = parts.join("").replace(/&(amp|lt|gt|quot|#39|nbsp);/g, (_, name: string) => ENTITIES[name] ?? " ");
  const lines = text.split("\n").map((line) => line.replace(/\s+/g, " ").trim());
  return lines.filter((line) => line !== "").join("\n");
}

/** The tag or comment that begins at `from`: what stands for it in the text, and where it ends. */
function readMarkup(html: string, from: number): { shown: string; end: number } {
  if (html.startsWith("<!--", from)) return { shown: " ", end: endOf(html, "-->", from + 4) };
  const name = /^<([/!?]?)([a-z][a-z0-9]*)/i.exec(html.slice(from, from + LONGEST_NAME));
  if (name === null) return { shown: "<", end: from + 1 };
  const end = endOf(html, ">", from);
  const tag = name[2]?.toLowerCase() ?? "";
  if (name[1] === "" && HIDDEN.has(tag)) {
    const closing = new RegExp(`</${tag}`, "gi");
    closing.lastIndex = end;
    const closed = closing.exec(html);
    return { shown: " ", end: closed === null ? html.length : endOf(html, ">", closed.index) };
  }
  return { shown: BLOCKS.has(tag) ? "\n" : " ", end };
}

/** Behind the next `mark`; what never ends goes on to the end of the page, as in a browser. */
function endOf(html: string, mark: string, from: number): number {
  const found = html.indexOf(mark, from);
  return found === -1 ? html.length : found + mark.length;
}
