import { marked } from "marked";
import { describe, expect, test } from "vitest";
import { generateFiles } from "../../../src/deploy/generate.ts";
import { sha256 } from "../../../src/deploy/manifest.ts";
import { deployableWorkflow, generationInput } from "../../support/deployable-workflow.ts";
import { structureOf } from "../../support/file-structure.ts";
import { changedByHostileTexts, generateWritten, SERVER, sourceOf } from "../../support/hostile-deployment.ts";
import { HOSTILE_TEXTS } from "../../support/hostile-text.ts";
import { randomWorkflow } from "../../support/random-workflow.ts";
import { seededRandom } from "../../support/seeded-random.ts";

describe("any valid workflow", () => {
  test("200 random ones become files that parse, the same twice, with the same server", {
    timeout: 60_000,
  }, () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const written = randomWorkflow(seededRandom(seed));
      const [one, other] = [generateWritten(written), generateWritten(written)];
      expect(digestsOf(one), `seed ${seed}`).toEqual(digestsOf(other));
      expect(digestsOf(one)).toMatchObject({ "server.js": sha256(SERVER), "workflow.yaml": sha256(sourceOf(written)) });
    }
  });

  test("100 with hostile names, descriptions, defaults and prompts change no file's structure", {
    timeout: 60_000,
  }, () => {
    for (let seed = 1; seed <= 100; seed += 1) expect(changedByHostileTexts(seed), `seed ${seed}`).toEqual([]);
  });
});

test.each(HOSTILE_TEXTS.map((text) => [text]))(
  "as name and description of a flow, %j is words and nothing else",
  (text) => {
    const named = (flow: { name: string; description: string }) =>
      generateFiles(
        generationInput({ name: "shop", workflow: deployableWorkflow({ flow: { ...flow, version: null } }) }),
      ).files;
    const files = named({ name: text, description: text });
    const harmless = named({ name: "A name", description: "A description" });
    expect(structureOf(files)).toEqual(structureOf(harmless));
    for (const path of ["Dockerfile", "docker-compose.yml", ".dockerignore", ".env.example"]) {
      expect(files.get(path), path).toEqual(harmless.get(path));
    }
    const html = marked.parse(Buffer.from(files.get("README.md") ?? []).toString(), { async: false });
    expect(html).not.toMatch(/<script|<img|<a |<!--/);
  },
);

test("a default that breaks out of a shell's quotes is given to curl as one word", () => {
  const workflow = deployableWorkflow();
  workflow.state.fields["tone"] = {
    type: { kind: "str" },
    required: false,
    description: null,
    default: "it's `$(id)`",
  };
  const { deployment } = generateFiles(generationInput({ workflow }));
  expect(deployment.exampleInputs).toEqual({ topic: "text", tone: "it's `$(id)`" });
});

/** Of the bytes themselves, not of what the manifest says. */
function digestsOf(files: ReadonlyMap<string, Uint8Array>): Record<string, string> {
  return Object.fromEntries([...files].map(([path, content]) => [path, sha256(content)]));
}
