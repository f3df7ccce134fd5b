import { expect, test } from "vitest";
import { DEFAULT_BASE, ensureBase } from "../../../src/image/base.ts";
import { baseReference } from "../../../src/image/base-recipe.ts";
import { ImageEngine } from "../../support/image-engine.ts";

const NO_REGISTRY = { error: 'Get "https://registry-1.docker.io/v2/": dial tcp: lookup: no such host' };

test("a base that was asked for and is present is used as it is", async () => {
  const engine = new ImageEngine();
  engine.add("mine:1");
  expect(await ensure(engine, "mine:1")).toBe("mine:1");
  expect(engine.calls).toEqual(["inspect mine:1"]);
});

test("a base that was asked for and is not present is pulled", async () => {
  const engine = new ImageEngine();
  expect(await ensure(engine, "mine:1")).toBe("mine:1");
  expect(engine.calls).toEqual(["inspect mine:1", "pull mine:1"]);
});

test("a base that was asked for and cannot be had is IMAGE_PULL_FAILED, and no other one takes its place", async () => {
  const engine = new ImageEngine();
  engine.add(DEFAULT_BASE);
  engine.progress = [NO_REGISTRY];
  await expect(ensure(engine, "host.example/mine:1")).rejects.toMatchObject({
    code: "IMAGE_PULL_FAILED",
    message: expect.stringMatching("host.example/mine:1 .* the registry host.example cannot be reached"),
    detail: NO_REGISTRY.error,
  });
});

test("the default base is used when it is present, else pulled", async () => {
  const engine = new ImageEngine();
  expect(await ensure(engine, null)).toBe(DEFAULT_BASE);
  expect(engine.calls).toContain(`pull ${DEFAULT_BASE}`);
  engine.calls.length = 0;
  expect(await ensure(engine, null)).toBe(DEFAULT_BASE);
  expect(engine.calls).toEqual([`inspect ${DEFAULT_BASE}`]);
});

test("without a registry and without the tools for a local base the error names what is missing and the ways on", async () => {
  const engine = new ImageEngine();
  engine.progress = [NO_REGISTRY];
  await expect(ensure(engine, null)).rejects.toMatchObject({
    code: "IMAGE_BUILD_FAILED",
    message: expect.stringMatching(/cannot be reached, and none can be made: (apt-get is not installed|this machine)/),
    hint: expect.stringMatching(/--base IMAGE.*--runtime process/),
  });
});

test("a disk that fills up during the pull is DISK_FULL", async () => {
  const engine = new ImageEngine();
  engine.progress = [{ text: "Extracting" }, { error: "failed to register layer: no space left on device" }];
  await expect(ensure(engine, null)).rejects.toMatchObject({ code: "DISK_FULL" });
});

test("an impossible reference is a usage error", async () => {
  await expect(ensure(new ImageEngine(), "not an image")).rejects.toMatchObject({ code: "USAGE" });
});

test("a local base is named by its recipe, the release and the architecture", () => {
  const debian = { distribution: "debian", release: "12", arch: "x64" } as const;
  const names = [debian, { ...debian, release: "13" }, { ...debian, arch: "arm64" as const }].map(baseReference);
  expect(baseReference({ ...debian })).toBe(names[0]);
  expect(new Set(names).size).toBe(3);
  expect(names[0]).toMatch(/^stigmer-base:[0-9a-f]{12}$/);
});

/** With an empty PATH no tool is found, so that the machine under the test does not matter. */
function ensure(engine: ImageEngine, requested: string | null) {
  const signal = new AbortController().signal;
  return ensureBase({ engine, requested, refresh: false, env: { PATH: "" }, progress: () => {}, signal });
}
