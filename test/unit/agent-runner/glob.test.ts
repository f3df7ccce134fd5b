import { expect, test } from "vitest";
import { compileGlob } from "../../../agent-runner/src/tools/glob.ts";

test.each([
  ["*.ts", ["a.ts"], ["a.js", "src/a.ts"]],
  ["**/*.ts", ["a.ts", "src/a.ts", "src/deep/a.ts"], ["a.tsx"]],
  ["src/**", ["src/a.ts", "src/deep/a.ts"], ["srca.ts", "a.ts"]],
  ["src/**/a.ts", ["src/a.ts", "src/x/y/a.ts"], ["src/xa.ts"]],
  ["./a.?s", ["a.ts", "a.js"], ["a.s", "a./s"]],
  ["*.{js,ts}", ["a.js", "a.ts"], ["a.css", "a.{js"]],
  ["[a-c]*[!0-9].md", ["bx.md"], ["dx.md", "b1.md"]],
  ["a+(b).$^", ["a+(b).$^"], ["aab.$^"]],
  ["[a.md", ["[a.md"], ["a.md"]],
  ["ü*", ["ümlaut"], ["u"]],
])("%s", (pattern, matching, others) => {
  const glob = compileGlob(pattern);
  expect(matching.filter((path) => !glob.test(path))).toEqual([]);
  expect(others.filter((path) => glob.test(path))).toEqual([]);
});
