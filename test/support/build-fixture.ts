import { symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const FIXTURES = fileURLToPath(new URL("../fixtures/", import.meta.url));
const NODE_MODULES = fileURLToPath(new URL("../../node_modules", import.meta.url));

/** Makes a TypeScript fixture a program that every supported Node runs; returns its path in `directory`. */
export async function buildFixture(name: string, directory: string): Promise<string> {
  const outfile = join(directory, basename(name).replace(/\.ts$/, ".mjs"));
  await build({
    entryPoints: [join(FIXTURES, name)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    logLevel: "warning",
  });
  // Packages are found from where the program is.
  await symlink(NODE_MODULES, join(directory, "node_modules")).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  return outfile;
}
