import { type Document, isMap, isPair, isScalar, isSeq, type LineCounter, type Node } from "yaml";
import type { Path } from "./field-path.ts";

/**
 * The line (from 1) where the item at `path` begins: its key in a map, itself in a list. Of something that is not
 * there, the line of what it is missing from.
 */
export function lineOf(document: Document, lines: LineCounter, path: Path): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const part of path) {
    const child = childOf(node, part);
    if (child === null) break;
    offset = child.offset ?? offset;
    node = child.node;
  }
  return lines.linePos(offset).line;
}

function childOf(node: unknown, part: PropertyKey): { node: unknown; offset: number | null } | null {
  if (isMap(node)) {
    const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === part);
    return pair === undefined ? null : { node: pair.value, offset: startOf(pair.key) };
  }
  if (isSeq(node) && typeof part === "number" && part < node.items.length) {
    const item = node.items[part];
    return { node: item, offset: startOf(item) };
  }
  return null;
}

function startOf(node: unknown): number | null {
  return (node as Node | null)?.range?.[0] ?? null;
}
