import { builtinModules } from "node:module";
import { expect, test } from "vitest";
import { packageRoot } from "../../../src/platform/package.ts";
import { bundleServer } from "../../support/deployment-rig.ts";

const TIMEOUT_MS = 120_000;

test(
  "server.js is the same bytes each time, names no path of this machine and needs no package",
  async () => {
    const [first, second] = [await bundleServer(), await bundleServer()];
    expect(first === second).toBe(true);
    expect(first).not.toContain(packageRoot());
    const required = [...first.matchAll(/\brequire\("([^"]+)"\)/g)].map(([, name = ""]) => name);
    const packages = required.filter((name) => !name.startsWith("node:") && !builtinModules.includes(name));
    expect(packages.filter((name) => !/^ajv(-formats)?\/dist\//.test(name))).toEqual([]);
  },
  TIMEOUT_MS,
);
