import { expect, test } from "vitest";
import { isGroupOurs } from "../../../src/platform/process-group.ts";
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
