import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { LABEL } from "../../../src/docker/labels.ts";
import { hashSources, readSources } from "../../../src/image/sources.ts";
import { imageStatus, requireImage } from "../../../src/image/status.ts";
import { packageVersion } from "../../../src/platform/package.ts";
import { ImageEngine } from "../../support/image-engine.ts";
import { runnerPackage } from "../../support/runner-package.ts";

const REFERENCE = "stigmer-agent-runner:local";

test("an image that is not there is missing, and required it is an error with the three ways to get it", async () => {
  const engine = new ImageEngine();
  expect(await imageStatus({ engine, reference: REFERENCE })).toMatchObject({ state: "missing", current: false });
  await expect(requireImage({ engine, reference: REFERENCE })).rejects.toMatchObject({
    code: "IMAGE_MISSING",
    message: expect.stringContaining(REFERENCE),
    hint: expect.stringMatching(/stigmer image build.*--build.*--pull/),
  });
});

test("made from these sources by this version it is current, and runs without a warning", async () => {
  await using root = await runnerPackage();
  const engine = new ImageEngine();
  const image = engine.add(REFERENCE, { labels: await labelsOf(root.path) });
  expect(await imageStatus({ engine, reference: REFERENCE, root: root.path })).toEqual({
    image: REFERENCE,
    state: "current",
    imageId: image.id,
    size: image.sizeBytes,
    version: packageVersion(),
    current: true,
    architecture: engine.architecture,
  });
  expect((await requireImage({ engine, reference: REFERENCE, root: root.path })).warnings).toEqual([]);
});

test("older than the sources it runs with one warning that names the command", async () => {
  await using root = await runnerPackage();
  const engine = new ImageEngine();
  engine.add(REFERENCE, { labels: await labelsOf(root.path) });
  await writeFile(root.file("agent-runner/dist/main.js"), "newer");
  expect(await imageStatus({ engine, reference: REFERENCE, root: root.path })).toMatchObject({
    state: "outdated",
    current: false,
  });
  const { warnings } = await requireImage({ engine, reference: REFERENCE, root: root.path });
  expect(warnings).toEqual([expect.stringMatching(/other sources.*stigmer image build/)]);
});

test("made by another version it is outdated, and the warning names both versions", async () => {
  await using root = await runnerPackage();
  const engine = new ImageEngine();
  engine.add(REFERENCE, { labels: { ...(await labelsOf(root.path)), [LABEL.version]: "0.0.1" } });
  const { warnings } = await requireImage({ engine, reference: REFERENCE, root: root.path });
  expect(warnings).toEqual([expect.stringMatching(`0.0.1.*${packageVersion()}`)]);
});

test("without our labels it is unlabelled, and runs without a warning", async () => {
  const engine = new ImageEngine();
  engine.add(REFERENCE);
  expect(await imageStatus({ engine, reference: REFERENCE })).toMatchObject({
    state: "unlabelled",
    version: null,
    current: null,
  });
  expect((await requireImage({ engine, reference: REFERENCE })).warnings).toEqual([]);
});

test("of another architecture than the engine's it cannot be required", async () => {
  const engine = new ImageEngine();
  engine.add(REFERENCE, { architecture: "riscv64" });
  expect(await imageStatus({ engine, reference: REFERENCE })).toMatchObject({ state: "wrong-architecture" });
  await expect(requireImage({ engine, reference: REFERENCE })).rejects.toMatchObject({
    code: "IMAGE_MISSING",
    message: expect.stringMatching(`riscv64.*${engine.architecture}`),
  });
});

test("an engine of another architecture than this process runs the images of its own", async () => {
  const engine = new ImageEngine();
  engine.architecture = "riscv64";
  engine.add(REFERENCE);
  expect((await requireImage({ engine, reference: REFERENCE })).warnings).toEqual([]);
});

test("it costs one call", async () => {
  const engine = new ImageEngine();
  engine.add(REFERENCE);
  await requireImage({ engine, reference: REFERENCE });
  expect(engine.calls).toEqual([`inspect ${REFERENCE}`]);
});

async function labelsOf(root: string): Promise<Record<string, string>> {
  const sources = await readSources(root);
  return { [LABEL.version]: packageVersion(), [LABEL.sourceHash]: hashSources(sources ?? []) };
}
