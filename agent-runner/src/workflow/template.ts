import type { Json } from "../protocol/messages.ts";
import { parsePath, readPath, type State, type WrittenPath } from "./state-path.ts";

export interface Placeholder extends WrittenPath {
  kind: "placeholder";
  /** As it was written, without its braces. */
  text: string;
  /** Of its brace, in characters from 0. */
  position: number;
}

export type TemplatePart = string | Placeholder;

export interface TemplateMistake {
  position: number;
  message: string;
}

/** A prompt, taken apart. `mistakes` is empty when every brace has its meaning. */
export interface Template {
  parts: TemplatePart[];
  mistakes: TemplateMistake[];
}

const PIECE = /\{\{|\}\}|\{([^{}]*)\}|\{|\}/g;
/** Of a text in braces that is no placeholder; what follows is cut in messages. */
const SHOWN = 40;

/** Reads `{state.a.b}`, `{field}` and `{local}` as placeholders, `{{` and `}}` as literal braces, and any other brace as a mistake. */
export function parseTemplate(prompt: string): Template {
  const template: Template = { parts: [], mistakes: [] };
  let literal = "";
  let end = 0;
  for (const match of prompt.matchAll(PIECE)) {
    const [piece, inner] = match;
    literal += prompt.slice(end, match.index);
    end = match.index + piece.length;
    const read = inner === undefined ? null : parsePath(inner);
    if (piece === "{{" || piece === "}}") {
      literal += piece.charAt(0);
    } else if (inner !== undefined && read !== null) {
      if (literal !== "") template.parts.push(literal);
      literal = "";
      template.parts.push({ kind: "placeholder", ...read, text: inner, position: match.index });
    } else {
      template.mistakes.push({ position: match.index, message: explain(piece, inner) });
    }
  }
  literal += prompt.slice(end);
  if (literal !== "") template.parts.push(literal);
  return template;
}

export function placeholdersOf({ parts }: Template): Placeholder[] {
  return parts.filter((part) => typeof part !== "string");
}

/**
 * The prompt with its values: a text as it is, any other value as JSON, and nothing for a value that is not there.
 * What was inserted is never read again, so that braces in a value mean nothing.
 */
export function renderTemplate({ parts }: Template, values: { state: State; locals: State }): string {
  return parts.map((part) => (typeof part === "string" ? part : toText(resolve(part, values)))).join("");
}

function resolve({ path, ofState }: Placeholder, { state, locals }: { state: State; locals: State }): Json | undefined {
  const isLocal = !ofState && Object.hasOwn(locals, path[0] ?? "");
  return readPath(isLocal ? locals : state, path);
}

function toText(value: Json | undefined): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function explain(piece: string, inner: string | undefined): string {
  if (inner === undefined) return `a single ${piece} has no meaning: write ${piece}${piece} for the character itself`;
  if (parsePath(inner.trim()) !== null) return `{${inner}} is no placeholder: write {${inner.trim()}}`;
  const shown = inner.length > SHOWN ? `${inner.slice(0, SHOWN)}…` : inner;
  return `{${shown}} is no placeholder: write {{ and }} for literal braces`;
}
