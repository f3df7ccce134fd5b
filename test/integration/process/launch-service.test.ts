import { readFile, stat, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { ComponentInstance } from "../../../src/components/instance.ts";
import { prepareHome } from "../../../src/platform/directories.ts";
import { homePaths } from "../../../src/platform/paths.ts";
import { readOrCreateSecret, secretDigest } from "../../../src/platform/secret-file.ts";
import type { ProcessSpec } from "../../../src/stack/spec.ts";
import { Launcher } from "../../../src/supervisor/launcher.ts";
import { freePort } from "../../support/free-port.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const PROGRAM = fileURLToPath(new URL("../../fixtures/process/service.mjs", import.meta.url));

async function home() {
  const directory = await temporaryDirectory();
  const paths = homePaths(directory.file("home"));
  await prepareHome(paths);
  const launcher = new Launcher({
    paths,
    instance: "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    version: "0.1.0",
    token: "",
    baseEnvironment: {},
    warn: (message) => expect.fail(message),
  });
  const port = await freePort();
  const secretFile = paths.dockerRunnerSecretFile;
  const spec: ProcessSpec = {
    name: "docker-runner",
    runtime: "process",
    dependsOn: [],
    argv: [process.execPath, PROGRAM],
    cwd: paths.home,
    env: { PORT: String(port), SETTINGS_FILE: paths.dockerRunnerPolicyFile },
    serves: { host: "127.0.0.1", port, healthPath: "/health" },
    files: [{ path: paths.dockerRunnerPolicyFile, text: "images: []\n" }],
    secrets: [{ variable: "SECRET", file: secretFile, digest: secretDigest(await readOrCreateSecret(secretFile)) }],
  };
  return {
    paths,
    launcher,
    spec,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: directory[Symbol.asyncDispose],
  };
}

function working(instance: ComponentInstance): Promise<boolean> {
  if (instance.service?.answers === true) return Promise.resolve(true);
  return new Promise((resolve) => instance.service?.onChange(resolve));
}

async function kill(instance: ComponentInstance): Promise<void> {
  try {
    process.kill(instance.pid ?? 0, "SIGKILL");
  } catch {
    // The test has killed it itself.
  }
  await instance.exited;
}

test("a service is ready by its own word, with its secret from the file and its settings written before it", async () => {
  await using scene = await home();
  // Who asks it is told that it is ill: only its own word is left.
  const serves = { host: "127.0.0.1", port: Number(scene.spec.env["PORT"]), healthPath: "/never-healthy" };
  const instance = await scene.launcher.spawn({ ...scene.spec, serves });
  try {
    expect(await working(instance)).toBe(true);
    const given = await (await fetch(scene.url)).json();
    expect(given).toEqual({ digest: scene.spec.secrets?.[0]?.digest, settings: "images: []\n", argv: [] });
    expect((await stat(scene.paths.dockerRunnerPolicyFile)).mode & 0o777).toBe(0o600);
    expect((await stat(scene.paths.dockerRunnerSecretFile)).mode & 0o777).toBe(0o600);
    const secret = await readOrCreateSecret(scene.paths.dockerRunnerSecretFile);
    expect(await readFile(scene.paths.pidFile("docker-runner"), "utf8")).not.toContain(secret);
  } finally {
    await kill(instance);
  }
  expect(await instance.exited).toMatchObject({ signal: "SIGKILL" });
});

test("an adopted service is ready once it answers, and its end is noticed", async () => {
  await using scene = await home();
  const first = await scene.launcher.spawn(scene.spec);
  try {
    await working(first);
    const adopted = await scene.launcher.adoptProcess(scene.spec);
    if (adopted === null) throw new Error("it was not adopted");
    expect(await working(adopted)).toBe(true);
    expect(adopted.pid).toBe(first.pid);
    await kill(first);
    expect(await adopted.exited).toMatchObject({ explanation: expect.stringContaining("ended") });
  } finally {
    await kill(first);
  }
});

test("a secret is made once, for its user alone; what is no secret is replaced", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("secret");
  const secret = await readOrCreateSecret(file);
  expect(secret).toMatch(/^[0-9a-f]{64}$/);
  expect(await readOrCreateSecret(file)).toBe(secret);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await writeFile(file, "short\n");
  expect(await readOrCreateSecret(file)).not.toBe("short");
});
