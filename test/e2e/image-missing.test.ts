import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ErrorBody } from "../../src/errors.ts";
import { docker, StackRig } from "../support/stack-rig.ts";

const WAYS = ["stigmer image build", "stigmer server start --build", "stigmer server start --pull"];

function expectThreeWays(error: ErrorBody | null): void {
  expect(error?.actions.map(({ command }) => command)).toEqual(WAYS);
}

test("a missing image makes start exit 6, name the image and three ways to get it, and leave nothing", async () => {
  const image = "stigmer-e2e-no-such-image:local";
  const rig = new StackRig({ config: `server: { port: 0 }\nagent_runner: { image: "${image}" }\n` });
  const json = await rig.json(["server", "start"]);
  expect(json.exitCode).toBe(6);
  expect(json.envelope.error).toMatchObject({ code: "IMAGE_MISSING", message: expect.stringContaining(image) });
  expectThreeWays(json.envelope.error);
  expect(await rig.leaks()).toEqual([]);
  const text = await rig.run(["server", "start"]);
  expect([text.exitCode, text.stdout]).toEqual([6, ""]);
  for (const way of [image, ...WAYS]) expect(text.stderr).toContain(way);
  expect(await rig.leaks()).toEqual([]);
  expect((await rig.status()).exitCode).toBe(3);
  expect(await rig.dispose()).toEqual([]);
});

test("an image of another architecture is as good as missing", async () => {
  const image = `e2e-foreign-${process.pid}:test`;
  loadForeignImage(image);
  const rig = new StackRig({ config: `server: { port: 0 }\nagent_runner: { image: "${image}" }\n` });
  try {
    const { exitCode, envelope } = await rig.json(["server", "start"]);
    expect([exitCode, envelope.error?.code]).toEqual([6, "IMAGE_MISSING"]);
    expect(envelope.error?.message).toContain("s390x");
    expectThreeWays(envelope.error);
    expect(await rig.dispose()).toEqual([]);
  } finally {
    await docker("rmi", "-f", image);
  }
});

/** An empty image for a mainframe: as `docker save` writes one, with the architecture changed on the way. */
function loadForeignImage(tag: string): void {
  const folder = mkdtempSync(join(tmpdir(), "stigmer-e2e-image-"));
  try {
    execFileSync("tar", ["-cf", join(folder, "empty.tar"), "-T", "/dev/null"]);
    execFileSync("docker", ["import", join(folder, "empty.tar"), tag], { stdio: "pipe" });
    mkdirSync(join(folder, "saved"));
    execFileSync("sh", ["-c", 'docker save "$0" | tar -x -C "$1"', tag, join(folder, "saved")]);
    execFileSync("docker", ["rmi", tag], { stdio: "pipe" });
    const config = readdirSync(join(folder, "saved")).find((name) => /^[0-9a-f]{64}\.json$/.test(name)) ?? "";
    const text = readFileSync(join(folder, "saved", config), "utf8");
    writeFileSync(join(folder, "saved", config), text.replace(/"architecture":"\w+"/, '"architecture":"s390x"'));
    execFileSync("sh", ["-c", 'tar -c -C "$0" . | docker load', join(folder, "saved")], { stdio: "pipe" });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
