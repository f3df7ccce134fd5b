import type { Json } from "../protocol/messages.ts";
import type { Condition, Expression } from "./condition.ts";
import type { Comparison } from "./condition-tokens.ts";
import { readPath, type State } from "./state-path.ts";

/**
 * Whether a route is taken. Never throws, whatever the state holds:
 * - A field that is not set, or a part below something that is no map, is null.
 * - `==` compares values whole, lists and maps too, and values of two kinds are unequal: neither `1 == "1"` nor
 *   `1 == true`, and null equals only null. `!=` is the opposite.
 * - `< <= > >=` order two numbers, or two texts by their characters' codes; of anything else all four are false.
 * - `and`, `or`, `not` and a value alone take null, false, 0, "", an empty list and an empty map for false, and
 *   everything else for true; what they give is true or false.
 */
export function evaluateCondition(condition: Condition, state: State): boolean {
  return condition.kind === "default" || isTruthy(evaluate(condition, state));
}

function evaluate(expression: Expression, state: State): Json {
  switch (expression.kind) {
    case "literal":
      return expression.value;
    case "path":
      return readPath(state, expression.path) ?? null;
    case "compare":
      return compare(expression.operator, evaluate(expression.left, state), evaluate(expression.right, state));
    case "not":
      return !isTruthy(evaluate(expression.operand, state));
    case "and":
      return expression.operands.every((operand) => isTruthy(evaluate(operand, state)));
    case "or":
      return expression.operands.some((operand) => isTruthy(evaluate(operand, state)));
  }
}

function isTruthy(value: Json): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

function compare(operator: Comparison, left: Json, right: Json): boolean {
  if (operator === "==") return isEqual(left, right);
  if (operator === "!=") return !isEqual(left, right);
  const order = orderOf(left, right);
  if (order === null) return false;
  switch (operator) {
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
  }
}

function orderOf(left: Json, right: Json): number | null {
  const ordered =
    (typeof left === "number" && typeof right === "number") || (typeof left === "string" && typeof right === "string");
  if (!ordered) return null;
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function isEqual(left: Json, right: Json): boolean {
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return left === right;
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false;
    return left.every((item, index) => isEqual(item, right[index] ?? null));
  }
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  return keys.every((key) => Object.hasOwn(right, key) && isEqual(left[key] ?? null, right[key] ?? null));
}
