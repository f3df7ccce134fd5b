/**
 * `npm start`: everything from a fresh clone to a running stack, and again in seconds.
 *
 *   --no-install   never touch the system: no engine is installed or started
 *   --home DIR     the home of the stack
 */
import { fileURLToPath } from "node:url";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`stigmer needs Node 20.19 or newer; this is ${process.version}: see https://nodejs.org/en/download`);
  process.exit(1);
}

const root = fileURLToPath(new URL("..", import.meta.url));
// Imported late: older versions of Node cannot even read them.
const { runScript } = await import("./lib/steps.mjs");
const { startStack } = await import("./lib/start-stack.mjs");
await runScript(() => startStack(root, process.argv.slice(2)));
