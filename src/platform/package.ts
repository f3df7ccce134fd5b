import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

interface Manifest {
  name: string;
  version: string;
}

let found: { root: string; manifest: Manifest } | undefined;

/** The folder of this package, whether the code runs from `src/` or from the built `dist/`. */
export function packageRoot(): string {
  return locate().root;
}

/** The version in package.json. */
export function packageVersion(): string {
  return locate().manifest.version;
}

function locate(): { root: string; manifest: Manifest } {
  if (found !== undefined) return found;
  let directory = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const manifest = readManifest(directory);
    if (manifest?.name === "stigmer") {
      found = { root: directory, manifest };
      return found;
    }
    const parent = dirname(directory);
    if (parent === directory) throw new Error("the package of stigmer has no package.json above its code");
    directory = parent;
  }
}

function readManifest(directory: string): Manifest | null {
  try {
    return JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as Manifest;
  } catch {
    return null; // No manifest here: look one folder up.
  }
}
