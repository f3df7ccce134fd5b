import { expect, test } from "vitest";
import { isGroupGone, isGroupOurs } from "../../../src/platform/process-group.ts";
import { identifySync } from "../../../src/platform/process-identity.ts";
import { Puppet } from "../../support/puppet.ts";

test("the group of process 1 is never ours: its number means everybody", async () => {
  const init = identifySync(1);
  if (init === null) return expect.unreachable();
  expect(await isGroupOurs(init, "one")).toBe(false);
});

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
