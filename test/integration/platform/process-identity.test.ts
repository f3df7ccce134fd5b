import { describe, expect, test } from "vitest";
import { readProcStat } from "../../../src/platform/proc-stat.ts";
import {
  describeProcess,
  identify,
  identifySync,
  isAlive,
  isAliveSync,
} from "../../../src/platform/process-identity.ts";
import { makeZombie, Puppet } from "../../support/puppet.ts";

const onLinux = process.platform === "linux";

test("a process keeps its identity as long as it lives and is nobody afterwards", async () => {
  await using puppet = await Puppet.start();
  expect(await identify(puppet.pid)).toEqual(puppet.identity);
  expect(await isAlive(puppet.identity)).toBe(true);
  await puppet.tell("exit", { code: 0 });
  await puppet.exited();
  expect(await identify(puppet.pid)).toBeNull();
  expect(identifySync(puppet.pid)).toBeNull();
  expect(await isAlive(puppet.identity)).toBe(false);
});

test("two processes of one moment are told apart, and so is a recycled PID or another boot", async () => {
  await using puppet = await Puppet.start();
  const { startTime } = puppet.identity;
  const recycled = {
    ...puppet.identity,
    startTime: typeof startTime === "number" ? startTime - 1 : `not ${startTime}`,
  };
  expect(await isAlive(recycled)).toBe(false);
  expect(isAliveSync(recycled)).toBe(false);
  expect(await isAlive({ ...puppet.identity, startTime: String(startTime) })).toBe(typeof startTime === "string");
  expect(isAliveSync({ ...puppet.identity, bootId: "another-boot" })).toBe(false);
  expect(isAliveSync(puppet.identity)).toBe(true);
});

test("a process whose name holds parentheses and a state letter is read rightly", async () => {
  await using puppet = await Puppet.start();
  await puppet.tell("rename", { title: "x) (Z 0 0 0" });
  if (onLinux) expect(readProcStat(puppet.pid)?.comm).toContain(") (Z");
  expect(await identify(puppet.pid)).toEqual(puppet.identity);
});

describe.runIf(onLinux)("on Linux", () => {
  test("a zombie counts as dead", async () => {
    await using puppet = await Puppet.start();
    const zombie = await makeZombie(puppet);
    expect(await identify(zombie)).toBeNull();
    expect(identifySync(zombie)).toBeNull();
  });
});

test.each([0, -1, 1.5, Number.NaN, 2 ** 31, 2 ** 53])("%d is nobody's PID", async (pid) => {
  expect(await identify(pid)).toBeNull();
  expect(identifySync(pid)).toBeNull();
  expect(await describeProcess(pid)).toBeNull();
});

test("a process is described by its command line and its group", async () => {
  await using puppet = await Puppet.start();
  const description = await describeProcess(puppet.pid);
  expect(description).toMatchObject({ pid: puppet.pid, groupId: puppet.pid });
  expect(description?.command).toContain("puppet.mjs");
});

test("what a program writes into its own command line cannot reach the terminal", async () => {
  await using puppet = await Puppet.start();
  await puppet.tell("rename", { title: "evil\u001b[2J\nname" });
  expect((await describeProcess(puppet.pid))?.command).toBe("evil [2J name");
});
