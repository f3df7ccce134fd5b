import { expect, test } from "vitest";
import { pushImage } from "../../../src/image/push.ts";
import { ImageEngine } from "../../support/image-engine.ts";

const IMAGE = "stigmer-agent-runner:local";
const TARGET = "host:5000/runner:x";

test("the agent-runner's image is published under the name, which is gone again afterwards", async () => {
  const engine = new ImageEngine();
  const { id } = engine.add(IMAGE);
  const { status } = await push(engine);
  expect(engine.calls).toContain(`push ${TARGET} ${id}`);
  expect(status).toMatchObject({ image: TARGET, imageId: id });
  expect(engine.names()).toEqual([IMAGE]);
});

test("the name is gone after a push that failed, too", async () => {
  const engine = new ImageEngine();
  engine.add(IMAGE);
  engine.progress = [{ error: "dial tcp: connection refused" }];
  await expect(push(engine)).rejects.toMatchObject({ code: "NOT_FOUND", retryable: true });
  expect(engine.names()).toEqual([IMAGE]);
});

test("an image that has the name already is published as it is, with a warning when it is another one", async () => {
  const engine = new ImageEngine();
  engine.add(IMAGE);
  const { id } = engine.add(TARGET);
  const { warnings } = await push(engine);
  expect(engine.calls).toContain(`push ${TARGET} ${id}`);
  expect(warnings).toEqual([expect.stringContaining(TARGET)]);
  expect(engine.names()).toEqual([TARGET, IMAGE].sort());
});

test("without an image there is nothing to push: IMAGE_MISSING", async () => {
  await expect(push(new ImageEngine())).rejects.toMatchObject({ code: "IMAGE_MISSING" });
});

test("a registry that refuses the user is PERMISSION_DENIED with the login to type", async () => {
  const engine = new ImageEngine();
  engine.add(IMAGE);
  engine.progress = [{ text: "Preparing" }, { error: "denied: requested access to the resource is denied" }];
  await expect(push(engine)).rejects.toMatchObject({ code: "PERMISSION_DENIED", hint: "docker login host:5000" });
});

async function push(engine: ImageEngine) {
  const warnings: string[] = [];
  const status = await pushImage({
    engine,
    reference: TARGET,
    image: IMAGE,
    progress: () => {},
    warn: (sentence) => warnings.push(sentence),
    signal: new AbortController().signal,
  });
  return { status, warnings };
}
