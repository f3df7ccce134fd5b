import { describe, expect, test } from "vitest";
import { parseCondition, pathsOf } from "../../../../agent-runner/src/workflow/condition.ts";
import { ConditionMistake } from "../../../../agent-runner/src/workflow/condition-tokens.ts";
import { evaluateCondition } from "../../../../agent-runner/src/workflow/evaluate-condition.ts";
import { seededRandom } from "../../../support/seeded-random.ts";

const STATE = {
  score: 7,
  zero: 0,
  name: "Ada",
  empty: "",
  done: true,
  open: false,
  list: [1, { a: 2 }],
  none: [],
  nothing: null,
  review: { verdict: "approve", marks: { style: 9 } },
  not: "a field called not",
};

function holds(logic: string): boolean {
  return evaluateCondition(parseCondition(logic), STATE);
}

function mistakeOf(logic: string): ConditionMistake {
  try {
    parseCondition(logic);
  } catch (error) {
    if (error instanceof ConditionMistake) return error;
    throw error;
  }
  throw new Error(`${logic} was parsed`);
}

describe("a condition", () => {
  test.each([
    ["default", true],
    ["  default ", true],
    ["state.score == 7", true],
    ["score == 7.0", true],
    ["score != 7", false],
    ["score < 8", true],
    ["score <= 7 and score >= 7", true],
    ["score > -7.5e0", true],
    ["score > 7", false],
    ["7 < score", false],
    ["name == 'Ada'", true],
    ['name == "Ada"', true],
    ["name == ada", false],
    ["'Bob' > name", true],
    [
      String.raw`'it\'s\n' == "it's
"`,
      true,
    ],
    ["done", true],
    ["open", false],
    ["done == True", true],
    ["open == False and open == false", true],
    ["nothing == None and nothing == null", true],
    ["review.verdict == 'approve'", true],
    ["state.review.marks.style >= 9", true],
    ["not done", false],
    ["not not done", true],
    ["not score == 8", true],
    ["open and open or done", true],
    ["open and (open or done)", false],
    ["(((done)))", true],
    ["state.not == 'a field called not'", true],
    ["true", true],
    ["null", false],
  ])("%s is %s", (logic, expected) => expect(holds(logic)).toBe(expected));

  test.each([
    ["missing == null", true],
    ["missing", false],
    ["missing < 1", false],
    ["not (missing >= 1)", true],
    ["name.length == null", true],
    ["name.length.deeper == null", true],
    ["list.length == null", true],
    ["constructor == null", true],
    ["state.__proto__ == null", true],
    ["review.toString == null", true],
    ["score == '7'", false],
    ["score != '7'", true],
    ["score < '8'", false],
    ["score > '6'", false],
    ["done == 1", false],
    ["done == 'true'", false],
    ["done < 2", false],
    ["nothing == false", false],
    ["nothing == 0", false],
    ["nothing <= 0", false],
    ["zero", false],
    ["empty", false],
    ["'false'", true],
    ["none", false],
    ["list", true],
    ["review", true],
    ["list == list", true],
    ["review == review", true],
    ["review == review.marks", false],
    ["list == none", false],
    ["list < list", false],
    ["list <= list", false],
  ])("of missing or unequal things, %s is %s", (logic, expected) => expect(holds(logic)).toBe(expected));

  test("compares maps and lists by what they hold, whatever the order of their keys", () => {
    const equal = parseCondition("a == b");
    expect(evaluateCondition(equal, { a: { x: 1, y: [null] }, b: { y: [null], x: 1 } })).toBe(true);
    expect(evaluateCondition(equal, { a: { x: 1 }, b: { x: 1, y: null } })).toBe(false);
    expect(evaluateCondition(equal, { a: { x: null }, b: { y: null } })).toBe(false);
    expect(evaluateCondition(equal, { a: [1, 2], b: [2, 1] })).toBe(false);
    expect(evaluateCondition(equal, { a: [], b: {} })).toBe(false);
  });

  test("names the fields that it reads, deeper ones too", () => {
    const paths = pathsOf(parseCondition("not (state.a.b > 1 and c == 'd') or e.f"));
    expect(paths).toEqual([
      { kind: "path", path: ["a", "b"], position: 5 },
      { kind: "path", path: ["c"], position: 23 },
      { kind: "path", path: ["e", "f"], position: 36 },
    ]);
    expect(pathsOf(parseCondition("default"))).toEqual([]);
    expect(pathsOf(parseCondition("true"))).toEqual([]);
  });

  test("may be as long as anybody writes it", { timeout: 20_000 }, () => {
    expect(holds(Array(5_000).fill("done").join(" and "))).toBe(true);
  });
});

describe("what is no condition is told with its place", () => {
  test.each([
    ["", 0, "the text ends where a field or a value should be"],
    ["a = 1", 2, "write == instead of ="],
    ["a === 1", 2, "write == instead of ==="],
    ["a !== 1", 2, "write != instead of !=="],
    ["a && b", 2, "write and instead of &&"],
    ["a || b", 2, "write or instead of ||"],
    ["!a", 0, "write not instead of !"],
    ["1 < a < 3", 6, "cannot be chained"],
    ["a == ", 5, "the text ends"],
    ["a == 'open", 5, "has no end"],
    ["(a", 2, "the text ends where ) should be"],
    ["a)", 1, ") stands where an operator or the end should be"],
    ["a b", 2, "b stands where"],
    ["a in b", 2, "in stands where"],
    ["a is None", 2, "is stands where"],
    ["len(a) > 1", 3, "( stands where"],
    ["a + 1 > 2", 2, '"+" is no part of a condition'],
    ["a[0] == 1", 1, '"[0]" is no part'],
    ["a. b", 1, '"." is no part'],
    ["3abc == 1", 0, '"3abc" is no part'],
    ["1.2.3 == a", 0, '"1.2.3" is no part'],
    ["a == 1e999", 5, "too large"],
    [String.raw`a == '\d'`, 5, String.raw`\d in a text means nothing`],
    ["and", 0, "and stands where"],
    ["a and", 5, "the text ends"],
    ["a or default", 5, "default must stand alone"],
    ["{a} == 1", 0, '"{a}" is no part'],
    [`${"not ".repeat(70)}a`, 256, "levels deep"],
    [`${"(".repeat(70)}a${")".repeat(70)}`, 64, "levels deep"],
  ])("%j", (logic, position, message) => {
    const mistake = mistakeOf(logic);
    expect(mistake.message).toContain(message);
    expect(mistake.position).toBe(position);
  });

  test("whatever the text, the parser ends with a condition or a mistake inside of it", { timeout: 20_000 }, () => {
    const random = seededRandom(4);
    const pieces = [
      "state.",
      "a",
      ".b",
      " ",
      "(",
      ")",
      "==",
      "<",
      "!",
      "'",
      '"',
      "\\",
      "and",
      " not ",
      "1",
      "-",
      "e",
      "{",
      "é",
      "😀",
      "default",
    ];
    for (let round = 0; round < 500; round += 1) {
      const length = Math.floor(random() * 12);
      const logic = Array.from({ length }, () => pieces[Math.floor(random() * pieces.length)]).join("");
      try {
        expect(typeof evaluateCondition(parseCondition(logic), { a: { b: 1 } })).toBe("boolean");
      } catch (error) {
        if (!(error instanceof ConditionMistake)) throw new Error(`${logic}: ${String(error)}`);
        expect(error.position).toBeLessThanOrEqual(logic.length);
      }
    }
  });
});
