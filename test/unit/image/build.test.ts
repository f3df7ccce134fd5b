import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import { LABEL } from "../../../src/docker/labels.ts";
import { type BuildImageOptions, buildImage } from "../../../src/image/build.ts";
import { packageVersion } from "../../../src/platform/package.ts";
import { ImageEngine } from "../../support/image-engine.ts";
import { runnerPackage } from "../../support/runner-package.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const BASE = "base:here";

test("the image gets its name, the version's, and labels that say what it was made from", async () => {
  await using root = await runnerPackage();
  const engine = engineWithBase();
  const status = await build({ engine, reference: "host:5000/runner:x", root: root.path });
  const [options] = engine.builds;
  expect(options?.tags).toEqual(["host:5000/runner:x", `host:5000/runner:v${packageVersion()}`]);
  expect(options?.buildArgs).toEqual({ BASE_IMAGE: BASE });
  expect(options?.labels).toEqual({
    [LABEL.version]: packageVersion(),
    [LABEL.sourceHash]: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(status).toMatchObject({ image: "host:5000/runner:x", state: "current", current: true });
});

test("the context is the Dockerfile and the bundle, readable by every user", async () => {
  await using root = await runnerPackage("the bundle's text");
  const engine = engineWithBase();
  await build({ engine, root: root.path });
  const tar = await buffer(engine.builds[0]?.context ?? Readable.from([]));
  const text = tar.toString("latin1");
  expect(text).toContain("agent-runner/Dockerfile");
  expect(text).toContain("the bundle's text");
  expect(text.slice(100, 107)).toBe("0000644");
});

test("a step that fails is IMAGE_BUILD_FAILED with the last lines, without the command of the step in the message", async () => {
  await using root = await runnerPackage();
  const engine = engineWithBase();
  engine.progress = [
    ...Array.from({ length: 50 }, (_, index) => ({ text: `line ${index}` })),
    { error: "The command '/bin/sh -c set -eu; a screenful' returned a non-zero code: 7" },
  ];
  const failing = build({ engine, root: root.path });
  await expect(failing).rejects.toMatchObject({
    code: "IMAGE_BUILD_FAILED",
    message: "The image could not be built: a step ended with exit code 7",
    detail: expect.stringContaining("line 49"),
  });
  await expect(failing).rejects.not.toMatchObject({ detail: expect.stringContaining("line 1\n") });
});

test("a full disk is DISK_FULL", async () => {
  await using root = await runnerPackage();
  const engine = engineWithBase();
  engine.progress = [{ error: "failed to copy files: write /opt/stigmer/main.js: no space left on device" }];
  await expect(build({ engine, root: root.path })).rejects.toMatchObject({ code: "DISK_FULL" });
});

test("a runner that was not bundled is told so, with the command, before anything is asked of Docker", async () => {
  await using empty = await temporaryDirectory();
  const engine = engineWithBase();
  await expect(build({ engine, root: empty.path })).rejects.toMatchObject({
    code: "IMAGE_BUILD_FAILED",
    hint: expect.stringContaining("npm run build"),
  });
  expect(engine.calls).toEqual([]);
});

test("the image whose names were taken over is removed, unless a container uses it or it has another name", async () => {
  await using root = await runnerPackage();
  const engine = engineWithBase();
  const rebuild = () => build({ engine, reference: "runner:x", root: root.path });
  await rebuild();
  await rebuild();
  expect(engine.has("sha256:built-1")).toBe(false);
  engine.inUse.add("sha256:built-2");
  await rebuild();
  expect(engine.has("sha256:built-2")).toBe(true);
  await engine.tagImage("runner:x", "kept:1");
  await rebuild();
  expect(engine.names()).toContain("kept:1");
  expect(engine.has("sha256:built-3")).toBe(true);
});

test("on a local base the steps get no network, on any other the engine's own", async () => {
  await using root = await runnerPackage();
  const engine = engineWithBase();
  engine.add("stigmer-base:0123456789ab");
  await build({ engine, root: root.path, base: "stigmer-base:0123456789ab" });
  await build({ engine, root: root.path });
  expect(engine.builds.map(({ networkMode }) => networkMode)).toEqual(["none", undefined]);
});

function engineWithBase(): ImageEngine {
  const engine = new ImageEngine();
  engine.add(BASE);
  return engine;
}

function build(options: Partial<BuildImageOptions> & Pick<BuildImageOptions, "engine">) {
  return buildImage({
    reference: "runner:x",
    base: BASE,
    noCache: false,
    env: {},
    progress: () => {},
    signal: new AbortController().signal,
    ...options,
  });
}
