import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** For `npm run reliability` alone; `npm test` runs the same rows in their small size. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL("../..", import.meta.url)),
    include: ["test/reliability/matrix.test.ts"],
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 3 * 60 * 60_000,
    hookTimeout: 120_000,
    disableConsoleIntercept: true,
    reporters: [["default", { summary: false }]],
  },
});
