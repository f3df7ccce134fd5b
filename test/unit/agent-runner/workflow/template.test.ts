import { describe, expect, test } from "vitest";
import type { Json } from "../../../../agent-runner/src/protocol/messages.ts";
import { parseTemplate, placeholdersOf, renderTemplate } from "../../../../agent-runner/src/workflow/template.ts";
import { seededRandom } from "../../../support/seeded-random.ts";

function render(prompt: string, state: Record<string, Json>, locals: Record<string, Json> = {}): string {
  const template = parseTemplate(prompt);
  expect(template.mistakes).toEqual([]);
  return renderTemplate(template, { state, locals });
}

describe("a prompt", () => {
  test("gets its values: texts as they are, everything else as JSON", () => {
    const state = {
      topic: "bees",
      count: 3,
      ratio: 0.5,
      done: false,
      tags: ["a", "b"],
      article: { title: "T", n: [1] },
    };
    expect(render("On {topic}, {state.topic}: {count} {ratio} {done} {tags}", state)).toBe(
      'On bees, bees: 3 0.5 false ["a","b"]',
    );
    expect(render("{article} {article.title} {state.article.n}", state)).toBe('{"title":"T","n":[1]} T [1]');
  });

  test("gets nothing for a value that is not there, and null for one that is null", () => {
    expect(render("[{a}][{b}][{c.d}][{e.f}]", { b: null, c: {}, e: "text" })).toBe("[][null][][]");
  });

  test("prefers a local to a field of its name, unless the field is named with state", () => {
    expect(render("{x} {state.x} {x.y} {z}", { x: "field", z: "z" }, { x: { y: "deep" } })).toBe(
      '{"y":"deep"} field deep z',
    );
  });

  test("keeps doubled braces as single ones", () => {
    expect(render('{{"a": {x}}} {{{x}}} {{}} {{x}}', { x: 1 })).toBe('{"a": 1} {1} {} {x}');
  });

  test("names its placeholders with their place", () => {
    expect(placeholdersOf(parseTemplate("{{ {a} and {state.b.c}"))).toEqual([
      { kind: "placeholder", path: ["a"], ofState: false, text: "a", position: 3 },
      { kind: "placeholder", path: ["b", "c"], ofState: true, text: "state.b.c", position: 11 },
    ]);
  });

  test("reaches a field called state, and nothing that no one put there", () => {
    expect(render("{state} {state.state.x}", { state: { x: 1 } })).toBe('{"x":1} 1');
    expect(render("[{constructor}{toString}{state.__proto__}{a.length}{b.length}]", { a: "abc", b: [1] })).toBe("[]");
  });
});

describe("hostile values", () => {
  const values = ["{secret}", "{{secret}}", "{state.secret}", "}}{secret}{{", "$&$1$`", "\\{secret}", "{", "}"];

  test.each(values)("%j is inserted as it is and never read again", (value) => {
    expect(render("<{x}|{y}|{x}>", { x: value, y: { k: value }, secret: "SECRET" })).toBe(
      `<${value}|${JSON.stringify({ k: value })}|${value}>`,
    );
  });

  test("whatever is escaped by doubling its braces comes out as it was", { timeout: 20_000 }, () => {
    const random = seededRandom(11);
    const pieces = ["{", "}", "a", "{a}", "{{", "$&", "\n", "é", "state."];
    for (let round = 0; round < 400; round += 1) {
      const length = Math.floor(random() * 10);
      const text = Array.from({ length }, () => pieces[Math.floor(random() * pieces.length)]).join("");
      expect(render(text.replaceAll(/[{}]/g, "$&$&"), { a: "no" })).toBe(text);
    }
  });
});

describe("braces without a meaning", () => {
  test.each([
    ['{"a": 1}', 0, '{"a": 1} is no placeholder: write {{ and }}'],
    ["x {", 2, "a single { has no meaning: write {{"],
    ["x }", 2, "a single } has no meaning: write }}"],
    ["{a}}", 3, "a single }"],
    ["{}", 0, "{} is no placeholder"],
    ["{ a }", 0, "write {a}"],
    ["{a-b}", 0, "{a-b} is no placeholder"],
    ["{a[0]}", 0, "{a[0]} is no placeholder"],
    ["{a.}", 0, "{a.} is no placeholder"],
    ["{a!r}", 0, "{a!r} is no placeholder"],
    ["{a:>10}", 0, "{a:>10} is no placeholder"],
    [`{${"x ".repeat(100)}}`, 0, "…} is no placeholder"],
  ])("%j is told with its place", (prompt, position, message) => {
    expect(parseTemplate(prompt).mistakes).toEqual([{ position, message: expect.stringContaining(message) }]);
  });

  test("are all told at once", () => {
    expect(parseTemplate("{ {a} } {b c}").mistakes.map(({ position }) => position)).toEqual([0, 6, 8]);
  });
});
