/** What a user wrote, inside Markdown of ours: text, and never structure. Pure. */

const MAX_LENGTH = 500;

/** One line of plain text: no mark, link, HTML, table cell, list or heading can begin in it. */
export function markdownText(text: string): string {
  const plain = oneLine(text);
  const escaped = plain.replace(/[\\`*_{}[\]<>&|~$#!^=]/g, "\\$&");
  // Only at the start of a line do these mean anything.
  return escaped.replace(/^([+\-@:])/, "\\$1").replace(/^(\d{1,9})([.)])/, "$1\\$2");
}

/** Inside backticks, which are left out of the text; also good for a table cell. */
export function markdownCode(text: string): string {
  const plain = oneLine(text).replaceAll("`", "'");
  // GitHub's tables end a cell at a bar even inside code, unless a backslash precedes it.
  return plain === "" ? "(empty)" : `\`${plain.replaceAll("|", "\\|")}\``;
}

/** A block of commands; the fence is longer than any in the text. */
export function markdownBlock(language: string, text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}

/** No control, invisible or direction-changing characters, and no line break of any kind. */
function oneLine(text: string): string {
  const plain = text.replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  const characters = [...plain];
  return characters.length <= MAX_LENGTH ? plain : `${characters.slice(0, MAX_LENGTH - 1).join("")}…`;
}
