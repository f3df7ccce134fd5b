/**
 * `npm run reliability [-- --row NAME --size small|full --seed N --runs N]`: runs the fault matrix against real stacks and
 * writes docs/reliability.md when all of it ran in full. A failed trial prints the line that repeats it.
 */
import { fileURLToPath } from "node:url";
import { runReliability } from "./lib/run-reliability.mjs";
import { runScript } from "./lib/steps.mjs";

await runScript(() => runReliability(fileURLToPath(new URL("..", import.meta.url)), process.argv.slice(2)));
