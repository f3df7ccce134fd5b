const MAX_LENGTH = 200;

/** Foreign text in one line of ours: no control or invisible characters that could repaint a terminal, cut at 200. */
export function toDisplayText(text: string): string {
  const plain = text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ").trim();
  const characters = [...plain];
  return characters.length <= MAX_LENGTH ? plain : `${characters.slice(0, MAX_LENGTH - 1).join("")}…`;
}
