import { appendFile, chmod, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LABEL } from "../../../src/docker/labels.ts";
import { buildImage } from "../../../src/image/build.ts";
import { imageStatus } from "../../../src/image/status.ts";
import { packageVersion } from "../../../src/platform/package.ts";
import { type ImageScope, imageScope, runImage } from "../../support/image-docker.ts";
import { runnerPackage } from "../../support/runner-package.ts";

/** The first build of a machine pulls or assembles the base. */
const FIRST_BUILD_MS = 600_000;
const IDLE = `
if (process.argv[2] === "healthcheck") process.exit(0);
process.on("SIGTERM", () => process.exit(0));
setInterval(() => {}, 60_000);
console.log("idling");
`;

let scope: ImageScope;
let root: Awaited<ReturnType<typeof runnerPackage>>;
let image: string;

beforeAll(async () => {
  scope = await imageScope();
  root = await runnerPackage(IDLE);
  image = scope.name("built");
  scope.alsoRemove(image.replace(/:built$/, `:v${packageVersion()}`));
  await build(image);
}, FIRST_BUILD_MS);

afterAll(async () => {
  await root[Symbol.asyncDispose]();
  await scope[Symbol.asyncDispose]();
});

test("the image is labelled, non-root, has a healthcheck and at most 200 MB", async () => {
  const info = await scope.engine.inspectImage(image);
  expect(info).toMatchObject({
    user: "10001:10001",
    hasHealthcheck: true,
    labels: {
      [LABEL.version]: packageVersion(),
      [LABEL.sourceHash]: expect.stringMatching(/^[0-9a-f]{64}$/),
    },
  });
  expect(info?.labels).not.toHaveProperty(LABEL.managed);
  expect(info?.sizeBytes).toBeLessThan(200_000_000);
});

test("the image has the version's tag as well", async () => {
  const info = await scope.engine.inspectImage(image);
  expect(info?.tags).toContain(image.replace(/:built$/, `:v${packageVersion()}`));
});

test("tini is the first process, runs the bundle as the image's user, and hands SIGTERM on", async () => {
  await using container = await runImage(scope.engine, image, "");
  expect(await container.shell("cat /proc/1/comm; id -u; tr '\\0' ' ' < /proc/1/cmdline")).toBe(
    "tini\n10001\ntini -- node /opt/stigmer/main.js",
  );
  await scope.engine.killContainer(container.id, "SIGTERM");
  expect(await scope.engine.waitContainer(container.id, { timeoutMs: 20_000 })).toEqual({ exitCode: 0 });
});

test("any uid can work: a home to write to, a repository of another owner, git, npm, npx and the usual tools", async () => {
  await using container = await runImage(scope.engine, image, "4242:4343");
  expect(await container.shell("id -u; id -g; echo $HOME; pwd")).toBe("4242\n4343\n/tmp/home\n/workspace");
  expect(await container.shell("echo x > $HOME/x && echo x > /workspace/x && echo x > /tmp/y && echo written")).toBe(
    "written",
  );
  expect(await container.shell("npx --version && npm --version && node --version")).toMatch(
    /^\d+\..*\n\d+\..*\nv\d+\./,
  );
  expect(
    await container.shell(
      "printf 'b\\na\\n' | sort | sed s/a/A/ | grep A | awk '{print $1}'; find / -maxdepth 1 -name etc",
    ),
  ).toBe("A\n/etc");
  expect(await container.shell("git config --system safe.directory")).toBe("*");
  const commit = "git -c user.name=a -c user.email=a@b.c commit -q --allow-empty -m first";
  expect(
    await container.shell(
      `git init -q /tmp/r && cd /tmp/r && ${commit} && git log --format=%s && git submodule status`,
    ),
  ).toBe("first");
});

test("git speaks https, and the authorities it trusts are there", async () => {
  await using container = await runImage(scope.engine, image, "4242:4242");
  expect(Number(await container.shell("grep -c BEGIN /etc/ssl/certs/ca-certificates.crt"))).toBeGreaterThan(100);
  const refused = await container.shell("git ls-remote https://127.0.0.1:1/x || true");
  expect(refused).toMatch(/failed to connect|connection refused|couldn't connect/i);
});

test("the token's folder is root's and open to be read", async () => {
  await using container = await runImage(scope.engine, image, "4242:4242");
  expect(await container.shell("stat -c '%a %u' /run/stigmer")).toBe("755 0");
});

test("status goes from missing to current to outdated and back, and no image without a name is left", async () => {
  await using own = await runnerPackage(`${IDLE}// An image of its own: the cache would give the same one again.\n`);
  const reference = scope.name("states");
  const status = () => imageStatus({ engine: scope.engine, reference, root: own.path });
  expect((await status()).state).toBe("missing");
  const built = await build(reference, own.path);
  expect(built).toEqual(await status());
  expect(built).toMatchObject({ image: reference, state: "current", current: true, version: packageVersion() });
  await appendFile(own.file("agent-runner/dist/main.js"), "// newer\n");
  expect(await status()).toMatchObject({ state: "outdated", current: false });
  const rebuilt = await build(reference, own.path);
  expect(rebuilt).toMatchObject({ state: "current", current: true });
  expect(rebuilt.imageId).not.toBe(built.imageId);
  expect(await scope.engine.inspectImage(built.imageId ?? "")).toBeNull();
});

test("an image that was made by other means is unlabelled", async () => {
  const reference = scope.name("foreign");
  await scope.addSmallImage(reference);
  expect(await imageStatus({ engine: scope.engine, reference })).toMatchObject({ state: "unlabelled", current: null });
});

test("a bundle written under umask 077 is readable in the image", async () => {
  await using own = await runnerPackage(IDLE);
  const reference = scope.name("closed");
  await chmod(own.file("agent-runner/dist/main.js"), 0o600);
  await build(reference, own.path);
  await using container = await runImage(scope.engine, reference, "4242:4242");
  expect(await container.shell("stat -c %a /opt/stigmer/main.js")).toBe("644");
});

test("a step that fails is IMAGE_BUILD_FAILED with what it said", async () => {
  await using own = await runnerPackage();
  await writeFile(
    own.file("agent-runner/Dockerfile"),
    "ARG BASE_IMAGE\nFROM $BASE_IMAGE\nRUN echo the reason; exit 7\n",
  );
  await expect(build(scope.name("broken"), own.path)).rejects.toMatchObject({
    code: "IMAGE_BUILD_FAILED",
    message: expect.stringContaining("exit code 7"),
    detail: expect.stringContaining("\nthe reason\n"),
  });
});

test("a base that is nowhere is IMAGE_PULL_FAILED, soon", async () => {
  const startedAt = performance.now();
  await expect(build(scope.name("baseless"), root.path, "127.0.0.1:1/none:1")).rejects.toMatchObject({
    code: "IMAGE_PULL_FAILED",
    message: expect.stringContaining("127.0.0.1:1/none:1"),
  });
  expect(performance.now() - startedAt).toBeLessThan(15_000);
});

async function build(reference: string, packageDir: string = root.path, base: string | null = null) {
  const { engine, signal } = scope;
  const progress = () => {};
  return await buildImage({
    engine,
    reference,
    base,
    noCache: false,
    root: packageDir,
    env: process.env,
    progress,
    signal,
  });
}
