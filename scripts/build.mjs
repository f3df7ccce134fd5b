import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { BUNDLES, writeBundle } from "./lib/bundle.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/** `npm run build [-- --no-typecheck]`: types with tsc, bundles with esbuild, side by side. */
const results = await Promise.all([
  process.argv.includes("--no-typecheck") ? true : checkTypes(),
  ...BUNDLES.map(bundle),
]);
process.exitCode = results.every(Boolean) ? 0 : 1;

/** @param {import("./lib/bundle.mjs").Bundle} what */
async function bundle(what) {
  const startMs = performance.now();
  try {
    const { missing, files, bytes } = await writeBundle(what, root);
    for (const entry of missing) console.log(`skipped ${what.sourceDirectory}/${entry}: no such file`);
    const size = `${files} files, ${Math.round(bytes / 1024)} KiB`;
    console.log(`built ${what.outputDirectory} (${size}) in ${elapsed(startMs)}`);
    return true;
  } catch (error) {
    // esbuild has printed its own findings; anything else is told here.
    if (!(error instanceof Error && "errors" in error)) console.error(error);
    return false;
  }
}

/** @returns {Promise<boolean>} */
function checkTypes() {
  const startMs = performance.now();
  return new Promise((resolve) => {
    const tsc = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", import.meta.url));
    const child = spawn(process.execPath, [tsc, "--build"], { cwd: root, stdio: "inherit" });
    child.once("error", (error) => {
      console.error(`cannot run tsc: ${error.message}`);
      resolve(false);
    });
    child.once("exit", (code) => {
      console.log(`types ${code === 0 ? "are fine" : "have errors"} (${elapsed(startMs)})`);
      resolve(code === 0);
    });
  });
}

/** @param {number} startMs */
function elapsed(startMs) {
  return `${((performance.now() - startMs) / 1000).toFixed(1)} s`;
}
