import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { isGroupGone, isGroupOurs } from "../../../src/platform/process-group.ts";
import { identifySync } from "../../../src/platform/process-identity.ts";
import { buildFixture } from "../../support/build-fixture.ts";
import { Puppet } from "../../support/puppet.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const isRoot = process.getuid?.() === 0 && process.platform === "linux";

test.runIf(isRoot)(
  "the group of process 1 (needs root to be it) is never ours: its number means everybody",
  async () => {
    await using directory = await temporaryDirectory();
    const program = await buildFixture("process/first-process.ts", directory.path);
    const namespace = ["--pid", "--fork", "--mount-proc", "setsid", process.execPath, program];
    const { stdout } = await promisify(execFile)("unshare", namespace, { timeout: 20_000 });
    expect(JSON.parse(stdout)).toEqual({ pid: 1, groupId: 1, isOurs: false });
  },
);

test("a group is its living leader's, and nobody else's", async () => {
  await using puppet = await Puppet.start();
  const member = identifySync(Number(await puppet.tell("breed")));
  expect(await isGroupOurs(puppet.identity, null)).toBe(true);
  expect(member && (await isGroupOurs(member, null))).toBe(false);
});

test("the group of a recycled PID is not ours, and ours is gone", async () => {
  await using puppet = await Puppet.start();
  const old = { ...puppet.identity, startTime: "another time" };
  expect(await isGroupOurs(old, null)).toBe(false);
  expect(await isGroupGone(old)).toBe(true);
  expect(await isGroupGone(puppet.identity)).toBe(false);
});
