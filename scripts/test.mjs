/**
 * `npm test [-- PROJECT|FILE ...]`: prepares like `npm start`, then runs the tests of all projects, of the named ones,
 * or the named files. The last line is `N passed, N failed, N skipped`.
 */
import { fileURLToPath } from "node:url";
import { runAllTests } from "./lib/run-tests.mjs";
import { runScript } from "./lib/steps.mjs";

await runScript(() => runAllTests(fileURLToPath(new URL("..", import.meta.url)), process.argv.slice(2)));
