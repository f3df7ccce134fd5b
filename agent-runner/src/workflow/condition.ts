import type { StatePath } from "../definitions/workflow-definition.ts";
import { type Comparison, ConditionMistake, type Token, tokenize } from "./condition-tokens.ts";
import { parsePath } from "./state-path.ts";

/** The logic of a route, taken apart. `position` counts characters of the text from 0. */
export type Condition = { kind: "default" } | Expression;

export type Expression =
  | { kind: "literal"; value: string | number | boolean | null }
  | { kind: "path"; path: StatePath; position: number }
  | { kind: "compare"; operator: Comparison; left: Expression; right: Expression }
  | { kind: "not"; operand: Expression }
  | { kind: "and" | "or"; operands: Expression[] };

/** Parentheses and `not` in each other: deep enough for every reader, too little to exhaust the stack. */
const MOST_DEPTH = 64;

const CONSTANTS: Record<string, boolean | null> = {
  true: true,
  True: true,
  false: false,
  False: false,
  null: null,
  None: null,
};
const OPERATORS = ["and", "or", "not"];

/**
 * Parses `default`, or an expression of fields (`state.x`, `x`, `x.y`), literals (numbers, texts in ' or ", true, false,
 * null and Python's True, False, None), `== != < <= > >=`, `not`, `and`, `or` (binding in this order) and parentheses.
 * @throws ConditionMistake with the position of whatever it does not know
 */
export function parseCondition(logic: string): Condition {
  if (logic.trim() === "default") return { kind: "default" };
  const tokens = tokenize(logic);
  let next = 0;
  let depth = 0;

  const peek = (): Token => tokens[next] ?? { kind: "end", text: "", position: logic.length };
  const take = (): Token => {
    const token = peek();
    next += 1;
    return token;
  };
  const takeWord = (text: string): boolean => {
    const token = peek();
    if (token.kind !== "word" || token.text !== text) return false;
    next += 1;
    return true;
  };
  const nested = (position: number, parse: () => Expression): Expression => {
    depth += 1;
    if (depth > MOST_DEPTH) throw new ConditionMistake(`more than ${MOST_DEPTH} levels deep`, position);
    const expression = parse();
    depth -= 1;
    return expression;
  };

  const parseOr = (): Expression => parseChain("or", parseAnd);
  const parseAnd = (): Expression => parseChain("and", parseNot);
  const parseChain = (kind: "and" | "or", parseOperand: () => Expression): Expression => {
    const first = parseOperand();
    const operands = [first];
    while (takeWord(kind)) operands.push(parseOperand());
    return operands.length === 1 ? first : { kind, operands };
  };
  const parseNot = (): Expression => {
    const { position } = peek();
    if (!takeWord("not")) return parseComparison();
    return { kind: "not", operand: nested(position, parseNot) };
  };
  const parseComparison = (): Expression => {
    const left = parseOperand();
    const token = peek();
    if (token.kind !== "comparison") return left;
    take();
    const right = parseOperand();
    const chained = peek();
    if (chained.kind === "comparison") {
      throw new ConditionMistake("comparisons cannot be chained: join two of them with and", chained.position);
    }
    return { kind: "compare", operator: token.operator, left, right };
  };
  const parseOperand = (): Expression => {
    const token = take();
    if (token.kind === "literal") return { kind: "literal", value: token.value };
    if (token.kind === "word") return parseWord(token);
    if (token.kind !== "(") throw unexpected(token, "a field or a value");
    const inner = nested(token.position, parseOr);
    const close = take();
    if (close.kind !== ")") throw unexpected(close, ")");
    return inner;
  };

  const expression = parseOr();
  const rest = peek();
  if (rest.kind !== "end") throw unexpected(rest, "an operator or the end");
  return expression;
}

/** The state fields that a condition reads, each as often as it stands there. */
export function pathsOf(condition: Condition): { path: StatePath; position: number }[] {
  switch (condition.kind) {
    case "default":
    case "literal":
      return [];
    case "path":
      return [condition];
    case "compare":
      return [condition.left, condition.right].flatMap(pathsOf);
    case "not":
      return pathsOf(condition.operand);
    default:
      return condition.operands.flatMap(pathsOf);
  }
}

function parseWord(token: Extract<Token, { kind: "word" }>): Expression {
  const { text, position } = token;
  const constant = Object.hasOwn(CONSTANTS, text) ? CONSTANTS[text] : undefined;
  if (constant !== undefined) return { kind: "literal", value: constant };
  if (OPERATORS.includes(text)) throw unexpected(token, "a field or a value");
  if (text === "default") throw new ConditionMistake("default must stand alone", position);
  const read = parsePath(text);
  if (read === null) throw unexpected(token, "a field or a value");
  return { kind: "path", path: read.path, position };
}

function unexpected({ kind, text, position }: Token, wanted: string): ConditionMistake {
  const found = kind === "end" ? "the text ends" : `${text} stands`;
  return new ConditionMistake(`${found} where ${wanted} should be`, position);
}
