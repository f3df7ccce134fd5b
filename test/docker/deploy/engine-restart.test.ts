import { execFileSync } from "node:child_process";
import { homedir } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectDocker } from "../../../src/docker/connect.ts";
import { ensureBase } from "../../../src/image/base.ts";
import { canRunPrivateDockerd, type PrivateDockerd, startPrivateDockerd } from "../../support/private-dockerd.ts";
import { stubServer, type UpRig, upRig } from "../../support/up-rig.ts";

const BUILD_MS = 600_000;
const PATIENCE = { timeout: 120_000, interval: 250 };

describe.runIf(canRunPrivateDockerd())("when the engine is restarted", { timeout: BUILD_MS }, () => {
  let daemon: PrivateDockerd;
  let rig: UpRig;

  beforeAll(async () => {
    daemon = await startPrivateDockerd();
    await copyBase(daemon.host);
    rig = await upRig({ DOCKER_HOST: daemon.host });
    await rig.up({ server: stubServer({ say: "first" }) });
  }, BUILD_MS);

  afterAll(async () => {
    // First: the daemon alone can remove the network's interface.
    await rig?.[Symbol.asyncDispose]();
    await daemon?.stop();
  }, BUILD_MS);

  async function answer(): Promise<string> {
    return await rig.get("/").then(({ text }) => text, String);
  }

  test("a deployment is back by itself", async () => {
    await daemon.restart();
    await expect.poll(answer, PATIENCE).toBe("first");
  });

  test.each(["Building", "Proving", "Starting"])(
    "after it died while an up was %s, that says so, and the next up is whole",
    async (moment) => {
      let killed: Promise<void> | null = null;
      const onProgress = (line: string) => {
        if (line.startsWith(moment)) killed ??= daemon.kill();
      };
      await expect(rig.up({ onProgress })).rejects.toMatchObject({ code: "DOCKER_NOT_RUNNING" });
      await killed;
      await daemon.restart();
      const id = await rig.up({ server: stubServer({ say: moment }) });
      expect(await answer()).toBe(moment);
      const { containers, images, volumes } = await rig.resources();
      expect(containers).toEqual([`${rig.name} ${id}`]);
      expect(images).toHaveLength(1);
      expect(volumes).toEqual([`${rig.name}-jobs`]);
    },
  );
});

/** The base of the machine's own engine, which is made there when it is missing. */
async function copyBase(host: string): Promise<void> {
  const engine = await connectDocker({ env: process.env, homeDir: homedir() });
  const options = { env: process.env, progress: () => {}, signal: new AbortController().signal };
  const base = await ensureBase({ engine, requested: null, refresh: false, ...options });
  execFileSync("sh", ["-ec", 'docker save "$0" | docker --host "$1" load', base, host], { stdio: "ignore" });
}
