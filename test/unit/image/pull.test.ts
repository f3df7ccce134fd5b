import { expect, test } from "vitest";
import { type PullImageOptions, pullImage } from "../../../src/image/pull.ts";
import { packageVersion } from "../../../src/platform/package.ts";
import { ImageEngine } from "../../support/image-engine.ts";

const IMAGE = "stigmer-agent-runner:local";

test("what was named is pulled and becomes the image that start runs", async () => {
  const engine = new ImageEngine();
  const status = await pull({ engine, reference: "host:5000/runner:x" });
  expect(status).toMatchObject({ image: IMAGE, imageId: "sha256:pulled-host:5000/runner:x" });
  expect(engine.names()).toEqual(["host:5000/runner:x", IMAGE]);
});

test("without a name the registry's image of this version is pulled", async () => {
  const engine = new ImageEngine();
  await pull({ engine, registryImage: "host:5000/runner" });
  expect(engine.calls).toContain(`pull host:5000/runner:v${packageVersion()}`);
});

test("without a name and without a registry it is a usage error that names the key", async () => {
  await expect(pull({ engine: new ImageEngine() })).rejects.toMatchObject({
    code: "USAGE",
    message: expect.stringContaining("agent_runner.registry_image"),
  });
});

test("a name without a tag is its latest, not every tag of the repository", async () => {
  const engine = new ImageEngine();
  await pull({ engine, reference: "host:5000/runner" });
  expect(engine.calls).toContain("pull host:5000/runner:latest");
});

test.each([
  ["dial tcp 127.0.0.1:9: connect: connection refused", "the registry host:5000 cannot be reached", true],
  ["manifest unknown", "the registry host:5000 does not have it", false],
  ["unauthorized: authentication required", "the registry host:5000 does not have it or wants a login", false],
])("the failure %j is told with its cause, and what was there stays", async (error, why, retryable) => {
  const engine = new ImageEngine();
  const before = engine.add(IMAGE);
  engine.progress = [{ error }];
  await expect(pull({ engine, reference: "host:5000/runner:x" })).rejects.toMatchObject({
    code: "IMAGE_PULL_FAILED",
    message: `The image host:5000/runner:x could not be pulled: ${why}`,
    retryable,
    actions: expect.arrayContaining([expect.objectContaining({ command: "stigmer image build" })]),
  });
  expect((await engine.inspectImage(IMAGE))?.id).toBe(before.id);
});

function pull(options: Partial<PullImageOptions> & Pick<PullImageOptions, "engine">) {
  return pullImage({
    reference: null,
    registryImage: null,
    image: IMAGE,
    progress: () => {},
    signal: new AbortController().signal,
    ...options,
  });
}
