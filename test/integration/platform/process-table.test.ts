import { expect, test } from "vitest";
import { environmentOf, listProcesses } from "../../../src/platform/process-table.ts";
import { Puppet } from "../../support/puppet.ts";

test("a child and a grandchild are listed with parent, group, start time and command", async () => {
  await using puppet = await Puppet.start();
  const grandchild = await puppet.tell("breed");
  const processes = await listProcesses();
  expect(processes.find(({ pid }) => pid === puppet.pid)).toMatchObject({
    ppid: process.pid,
    groupId: puppet.pid,
    startTime: puppet.identity.startTime,
    command: expect.stringContaining("puppet.mjs"),
  });
  expect(processes.find(({ pid }) => pid === grandchild)).toMatchObject({ ppid: puppet.pid, groupId: puppet.pid });
});

test.runIf(process.platform === "linux")("processes of ours are known by their environment", async () => {
  await using puppet = await Puppet.start({
    env: { STIGMER_INSTANCE: "one=two", STIGMER_COMPONENT: "workflow-runner", EMPTY: "" },
  });
  expect(await environmentOf(puppet.pid)).toMatchObject({
    STIGMER_INSTANCE: "one=two",
    STIGMER_COMPONENT: "workflow-runner",
    EMPTY: "",
  });
});

test("the environment of a process that is gone is null", async () => {
  await using puppet = await Puppet.start();
  await puppet.tell("exit", { code: 0 });
  await puppet.exited();
  expect(await environmentOf(puppet.pid)).toBeNull();
});
