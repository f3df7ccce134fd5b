import { test } from "vitest";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { generateFiles } from "../../../src/deploy/generate.ts";
import { generationInput } from "../../support/deployable-workflow.ts";
test("x", () => {
  for (let i = 0; i < 30; i++) { const t = performance.now(); generateFiles(generationInput({ kubernetes: true })); console.log((performance.now() - t).toFixed(2)); }
  const { files } = generateFiles(generationInput({ kubernetes: true }));
  for (const [p, c] of files) { mkdirSync(dirname(`/tmp/dep-out/${p}`), { recursive: true }); writeFileSync(`/tmp/dep-out/${p}`, c); }
});
