import { PATH_SOURCE } from "./state-path.ts";

/** Why a text is no condition. `position` counts its characters from 0. */
export class ConditionMistake extends Error {
  override readonly name = "ConditionMistake";
  readonly position: number;

  constructor(message: string, position: number) {
    super(message);
    this.position = position;
  }
}

export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=";

export type Token = { position: number; text: string } & (
  | { kind: "word" }
  | { kind: "literal"; value: string | number }
  | { kind: "comparison"; operator: Comparison }
  | { kind: "(" | ")" | "end" }
);

const SPACE = /\s*/y;
const WORD = new RegExp(PATH_SOURCE, "uy");
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\p{L}\p{N}_.])/uy;
const TEXT = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/sy;
const OPERATOR = /[!=<>]=|<|>/y;

/** What people write who come from other languages. */
const FOREIGN: Record<string, string> = { "&&": "and", "||": "or", "!": "not", "=": "==", "===": "==", "!==": "!=" };
const FOREIGN_OPERATOR = /===|!==|&&|\|\||[!=]/y;

/** Takes a condition apart, to the token `end`. @throws ConditionMistake at the first thing that is none of its parts */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  for (;;) {
    position += matchAt(SPACE, text, position)?.length ?? 0;
    const token = readToken(text, position);
    tokens.push(token);
    if (token.kind === "end") return tokens;
    position += token.text.length;
  }
}

function readToken(text: string, position: number): Token {
  const character = text[position];
  if (character === undefined) return { kind: "end", text: "", position };
  if (character === "(" || character === ")") return { kind: character, text: character, position };
  const word = matchAt(WORD, text, position);
  if (word !== null) return { kind: "word", text: word, position };
  const number = matchAt(NUMBER, text, position);
  if (number !== null) return { kind: "literal", text: number, position, value: readNumber(number, position) };
  const quoted = matchAt(TEXT, text, position);
  if (quoted !== null) return { kind: "literal", text: quoted, position, value: unquote(quoted, position) };
  const foreign = matchAt(FOREIGN_OPERATOR, text, position);
  const operator = matchAt(OPERATOR, text, position);
  if (operator !== null && (foreign?.length ?? 0) <= operator.length) {
    return { kind: "comparison", text: operator, position, operator: operator as Comparison };
  }
  if (foreign !== null) throw new ConditionMistake(`write ${FOREIGN[foreign]} instead of ${foreign}`, position);
  if (character === '"' || character === "'") throw new ConditionMistake("a text has no end", position);
  const rest = /^\S+/.exec(text.slice(position))?.[0] ?? character;
  throw new ConditionMistake(`${JSON.stringify(rest)} is no part of a condition`, position);
}

function readNumber(text: string, position: number): number {
  const value = Number(text);
  if (!Number.isFinite(value)) throw new ConditionMistake(`the number ${text} is too large`, position);
  return value;
}

const ESCAPES: Record<string, string> = { n: "\n", t: "\t", r: "\r", "\\": "\\", "'": "'", '"': '"' };

function unquote(quoted: string, position: number): string {
  return quoted.slice(1, -1).replaceAll(/\\(.)/gs, (written, character: string) => {
    const meant = ESCAPES[character];
    if (meant === undefined) throw new ConditionMistake(`${written} in a text means nothing: write \\\\`, position);
    return meant;
  });
}

function matchAt(pattern: RegExp, text: string, position: number): string | null {
  pattern.lastIndex = position;
  return pattern.exec(text)?.[0] ?? null;
}
