import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { listFiles, ROOT, readModules } from "../support/source-modules.ts";

const MAX_LINES = 250;

const modules = [...readModules("src"), ...readModules("agent-runner/src")];

test(`no source file is longer than ${MAX_LINES} lines`, () => {
  const long = modules.filter(({ lineCount }) => lineCount > MAX_LINES);
  expect(long.map(({ path, lineCount }) => `${path}: ${lineCount}`)).toEqual([]);
});

test("only main files end the process", () => {
  const exits = modules.filter(({ callsProcessExit, path }) => callsProcessExit && !path.endsWith("main.ts"));
  expect(exits.map(({ path }) => path)).toEqual([]);
});

test("no source file awaits at the top level, because the bundles are CommonJS", () => {
  expect(modules.filter(({ hasTopLevelAwait }) => hasTopLevelAwait).map(({ path }) => path)).toEqual([]);
});

test("no source file is a barrel or a drawer for leftovers", () => {
  const vague = /^(index|utils?|helpers?|common|misc|.*manager)\.ts$/i;
  expect(modules.map(({ path }) => path).filter((path) => vague.test(basename(path)))).toEqual([]);
});

test("no file names a path of the machine it was written on", () => {
  const machinePaths = checkoutPath();
  const named = listFiles(".").filter((path) => {
    const text = readFileSync(join(ROOT, path), "utf8");
    return machinePaths.some((machinePath) => text.includes(machinePath));
  });
  expect(named).toEqual([]);
});

/** Where this checkout lies; a path as short as /app would match every Dockerfile. */
function checkoutPath(): string[] {
  const path = ROOT.replace(/\/$/, "");
  return path.split("/").length > 2 ? [path] : [];
}
