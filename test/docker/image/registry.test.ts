import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LABEL } from "../../../src/docker/labels.ts";
import { pullImage } from "../../../src/image/pull.ts";
import { pushImage } from "../../../src/image/push.ts";
import { packageVersion } from "../../../src/platform/package.ts";
import { type ImageScope, imageScope } from "../../support/image-docker.ts";
import { canRunRegistry, startRegistry } from "../../support/image-registry.ts";

let scope: ImageScope;

beforeAll(async () => {
  scope = await imageScope();
});

afterAll(() => scope[Symbol.asyncDispose]());

describe.skipIf(!canRunRegistry())("with a registry", () => {
  test("what was pushed can be pulled, and becomes the image that start runs", async () => {
    await using registry = await startRegistry();
    const image = scope.name("local");
    const published = scope.name(`v${packageVersion()}`, registry.address);
    const id = await scope.addSmallImage(image, [`LABEL ${LABEL.version}=0.0.1`, `LABEL ${LABEL.sourceHash}=abc`]);

    const pushed = await push(published, image);
    expect(pushed).toMatchObject({ image: published, imageId: id, version: "0.0.1" });
    expect(await scope.engine.inspectImage(published)).toBeNull();

    await scope.engine.removeImage(image);
    const registryImage = published.replace(/:[^:/]+$/, "");
    const pulled = await pull({ reference: null, registryImage, image });
    expect(pulled).toMatchObject({ image, imageId: id, state: "outdated", version: "0.0.1", current: false });
    expect((await scope.engine.inspectImage(image))?.tags).toContain(published);
  });

  test("an image that the registry does not have is IMAGE_PULL_FAILED and says so", async () => {
    await using registry = await startRegistry();
    const missing = scope.name("none", registry.address);
    await expect(pull({ reference: missing, registryImage: null, image: scope.name("local") })).rejects.toMatchObject({
      code: "IMAGE_PULL_FAILED",
      message: `The image ${missing} could not be pulled: the registry ${registry.address} does not have it`,
    });
  });
});

test("a registry that is not there is IMAGE_PULL_FAILED, soon, and what start runs stays as it was", async () => {
  const image = scope.name("kept");
  const id = await scope.addSmallImage(image);
  const startedAt = performance.now();
  await expect(pull({ reference: "127.0.0.1:1/runner:x", registryImage: null, image })).rejects.toMatchObject({
    code: "IMAGE_PULL_FAILED",
    message: "The image 127.0.0.1:1/runner:x could not be pulled: the registry 127.0.0.1:1 cannot be reached",
    retryable: true,
  });
  expect(performance.now() - startedAt).toBeLessThan(15_000);
  expect((await scope.engine.inspectImage(image))?.id).toBe(id);
});

test("a push to a registry that is not there fails and leaves no name behind", async () => {
  const image = scope.name("unpublished");
  await scope.addSmallImage(image);
  await expect(push("127.0.0.1:1/runner:x", image)).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(await scope.engine.inspectImage("127.0.0.1:1/runner:x")).toBeNull();
});

async function pull(options: { reference: string | null; registryImage: string | null; image: string }) {
  const { engine, signal } = scope;
  return await pullImage({ engine, signal, progress: () => {}, ...options });
}

async function push(reference: string, image: string) {
  const { engine, signal } = scope;
  return await pushImage({ engine, signal, reference, image, progress: () => {}, warn: () => {} });
}
