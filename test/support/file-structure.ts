import { marked } from "marked";
import { parse } from "yaml";

/** What of a deployment's files must not depend on what a user wrote: all but the words. */
export function structureOf(files: ReadonlyMap<string, Uint8Array>): Record<string, unknown> {
  return Object.fromEntries(
    [...files].map(([path, content]) => [path, skeleton(path, Buffer.from(content).toString())]),
  );
}

function skeleton(path: string, text: string): unknown {
  if (path === "workflow.yaml") return null; // The user's own.
  if (path === "README.md") return markdownShape(text);
  if (path === "package.json" || path === "manifest.json") return jsonShape(JSON.parse(text));
  return /\.ya?ml$/.test(path) ? parse(text) : text;
}

function jsonShape(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, jsonShape(item)]));
}

/** Blocks by their kind, and what is in them that is not plain text. */
function markdownShape(text: string): unknown[] {
  return marked.lexer(text).map((token) => {
    switch (token.type) {
      case "heading":
        return ["heading", token["depth"], inlineKinds(token["tokens"])];
      case "paragraph":
        return ["paragraph", inlineKinds(token["tokens"])];
      case "code":
        return ["code", token["lang"], token["text"].split("\n").length];
      case "table":
        return ["table", token["header"].length, token["rows"].map((row: unknown[]) => row.length)];
      case "list":
        return ["list", token["items"].length];
      default:
        return [token.type];
    }
  });
}

/** Text and escapes are words; everything else means something. */
function inlineKinds(tokens: { type: string }[] = []): string[] {
  return tokens.map(({ type }) => type).filter((type) => type !== "text" && type !== "escape");
}
