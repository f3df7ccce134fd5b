import { isDeepStrictEqual } from "node:util";
import { generateFiles } from "../../src/deploy/generate.ts";
import { readWorkflow } from "../../src/deploy/read-workflow.ts";
import { generationInput } from "./deployable-workflow.ts";
import { structureOf } from "./file-structure.ts";
import { HOSTILE_TEXTS } from "./hostile-text.ts";
import { pick, randomWorkflow, type WrittenWorkflow } from "./random-workflow.ts";
import { seededRandom } from "./seeded-random.ts";

export const SERVER = Buffer.from("the server");

/** Files whose structure differs between a workflow of hostile names, descriptions, defaults and prompts and the same one with harmless ones. */
export function changedByHostileTexts(seed: number): string[] {
  // The same dice, so that all else is the same; each text is one throw.
  const hostile = randomWorkflow(
    seededRandom(seed),
    (random) => HOSTILE_TEXTS[pick(random, HOSTILE_TEXTS.length)] ?? "",
  );
  const harmless = randomWorkflow(seededRandom(seed), (random) => `text ${pick(random, 9)}`);
  const [found, expected] = [structureOf(generateWritten(hostile)), structureOf(generateWritten(harmless))];
  const paths = new Set([...Object.keys(found), ...Object.keys(expected)]);
  return [...paths].filter((path) => !isDeepStrictEqual(found[path], expected[path]));
}

export function sourceOf(written: WrittenWorkflow): Buffer {
  return Buffer.from(JSON.stringify(written, null, 1));
}

export function generateWritten(written: WrittenWorkflow): Map<string, Uint8Array> {
  const read = readWorkflow(sourceOf(written), "w.yaml");
  return generateFiles(generationInput({ ...read, server: SERVER, name: "shop", kubernetes: true })).files;
}
