import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT, readModules, type SourceModule } from "../support/source-modules.ts";

/** From the top down; a folder imports from its own layer and from those below. */
const LAYERS = [
  ["cli"],
  ["server", "deploy", "image", "config"],
  ["supervisor", "engine"],
  ["components", "store", "logs"],
  ["docker", "platform"],
  ["stack"],
  ["errors.ts"],
];

/** What stands beside the layers, with all that it may import. */
const BESIDE: Record<string, string[]> = { "docker-runner": ["docker", "platform", "errors.ts"] };

const root = readModules("src");
const agentRunner = readModules("agent-runner/src");

describe("imports go one way", () => {
  test("every folder of src has its place in the layers", () => {
    const known = [...LAYERS.flat(), ...Object.keys(BESIDE)];
    expect([...new Set(root.map((module) => areaOf(module.path)))].filter((area) => !known.includes(area))).toEqual([]);
  });

  test("no folder imports from a layer above it", () => {
    expect(crossings().filter(({ from, to }) => !isAllowed(from, to))).toEqual([]);
  });

  test("no two folders import each other", () => {
    const pairs = new Set(crossings().map(({ from, to }) => `${from} ${to}`));
    expect([...pairs].filter((pair) => pairs.has(pair.split(" ").reverse().join(" ")))).toEqual([]);
  });

  test("a relative import stays in its package, and none names an index file", () => {
    const strays = [...root, ...agentRunner].flatMap(({ path, imports }) => {
      const home = path.startsWith("src/") ? "src/" : "agent-runner/src/";
      return imports
        .filter(({ target }) => target !== null && (!target.startsWith(home) || /\/index\.ts$/.test(target)))
        .map(({ specifier }) => `${path} imports ${specifier}`);
    });
    expect(strays).toEqual([]);
  });

  test("the agent-runner imports nothing of the root package", () => {
    expect(importersOf(agentRunner, (specifier) => /^stigmer(\/|$)/.test(specifier))).toEqual([]);
  });

  test("the root imports only the published parts of the agent-runner", () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, "agent-runner/package.json"), "utf8"));
    const published = Object.keys(manifest.exports).map((name) => name.replace(".", "@stigmer/agent-runner"));
    const isPrivate = (specifier: string) => specifier.startsWith("@stigmer/") && !published.includes(specifier);
    expect(importersOf(root, isPrivate)).toEqual([]);
  });
});

describe("a library has one importer", () => {
  test.each([
    ["dockerode", /^src\/docker\//],
    ["commander", /^src\/cli\/program\.ts$/],
    ["ora", /^src\/cli\/render\//],
    ["chalk", /^src\/cli\/render\//],
  ])("%s is imported only where %s matches", (library, place) => {
    const importers = importersOf(root, (specifier) => specifier === library || specifier.startsWith(`${library}/`));
    expect(importers.filter((path) => !place.test(path))).toEqual([]);
  });
});

interface Crossing {
  from: string;
  to: string;
  why: string;
}

/** Imports of the root that leave their folder. */
function crossings(): Crossing[] {
  return root.flatMap(({ path, imports }) =>
    imports
      .filter(({ target }) => target?.startsWith("src/"))
      .map(({ target }) => ({ from: areaOf(path), to: areaOf(target ?? ""), why: `${path} imports ${target}` }))
      .filter(({ from, to }) => from !== to),
  );
}

/** `cli` for `src/cli/render/tty.ts`, `errors.ts` for `src/errors.ts`. */
function areaOf(path: string): string {
  return path.split("/")[1] ?? "";
}

function isAllowed(from: string, to: string): boolean {
  const beside = BESIDE[from];
  if (beside !== undefined) return beside.includes(to);
  // Only the command line starts what stands beside the layers.
  if (BESIDE[to] !== undefined) return from === "cli";
  return layerOf(to) >= layerOf(from);
}

function layerOf(area: string): number {
  return LAYERS.findIndex((layer) => layer.includes(area));
}

function importersOf(modules: SourceModule[], matches: (specifier: string) => boolean): string[] {
  return modules.filter(({ imports }) => imports.some(({ specifier }) => matches(specifier))).map(({ path }) => path);
}
