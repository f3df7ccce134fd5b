import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const SOURCES = fileURLToPath(new URL("../../agent-runner/src/", import.meta.url));
const NEEDS_REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** Bundles the runner into `directory` as the product's build does; returns its entry. */
export async function bundleRunner(directory: string): Promise<string> {
  await build({
    entryPoints: [`${SOURCES}main.ts`],
    outdir: directory,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    banner: { js: NEEDS_REQUIRE },
    logLevel: "warning",
  });
  return `${directory}/main.mjs`;
}

export interface RunnerProcess {
  child: ChildProcess;
  /** What it wrote so far, both streams. */
  output: () => string;
  exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Starts the runner with exactly this environment. */
export function spawnRunner(entry: string, env: Record<string, string>, args: string[] = []): RunnerProcess {
  const child = spawn(process.execPath, [entry, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString("utf8");
    });
  }
  return {
    child,
    output: () => output,
    exit: new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal }))),
  };
}
