import { expect, test } from "vitest";
import { toDisplayText } from "../../../src/platform/display-text.ts";

test("nothing in a foreign text can repaint a terminal or reverse the line", () => {
  expect(toDisplayText("a\u001b[2Jb\nc\u202ed\u2028e\u0000f")).toBe("a [2Jb c d e f");
});

test("a long text is cut at 200 characters, not in the middle of one", () => {
  const cut = toDisplayText("🙂".repeat(500));
  expect([...cut]).toHaveLength(200);
  expect(cut.endsWith("🙂…")).toBe(true);
});
