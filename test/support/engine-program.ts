import { symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/**
 * Makes a TypeScript fixture that uses the engine a program of its own; returns its path in `directory`. The packages
 * of this repository are bundled, since they are TypeScript; the database binding is found beside the program.
 */
export async function buildEngineProgram(fixture: string, directory: string): Promise<string> {
  const outfile = join(directory, basename(fixture).replace(/\.ts$/, ".mjs"));
  await build({
    entryPoints: [fileURLToPath(new URL(`../fixtures/${fixture}`, import.meta.url))],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    external: ["libsql"],
    logLevel: "warning",
  });
  await symlink(fileURLToPath(new URL("../../node_modules", import.meta.url)), join(directory, "node_modules"));
  return outfile;
}
