import { once } from "node:events";
import { chmod } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { pollUntil } from "../../../src/platform/poll.ts";
import { readProcStat } from "../../../src/platform/proc-stat.ts";
import { identifySync, isAlive, isAliveSync, type ProcessIdentity } from "../../../src/platform/process-identity.ts";
import { terminate } from "../../../src/platform/terminate.ts";
import { buildFixture } from "../../support/build-fixture.ts";
import { NOBODY, runAs } from "../../support/other-user.ts";
import { endGroup, makeZombie, Puppet } from "../../support/puppet.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

/** Far beyond what any step needs: a test that waits so long has failed. */
const graceMs = 20_000;
/** For processes that are known to ignore SIGTERM. */
const shortGraceMs = 50;

function identityOf(pid: unknown): ProcessIdentity {
  const identity = identifySync(Number(pid));
  if (identity === null) throw new Error(`${pid} does not live`);
  return identity;
}

test("a process that obeys SIGTERM ends without a kill, and is gone when the promise resolves", async () => {
  await using puppet = await Puppet.start();
  await puppet.tell("leaveOn", { signal: "SIGTERM" });
  const farewell = once(puppet.child, "message");
  expect(await terminate(puppet.identity, { graceMs, group: true })).toEqual({ killed: false });
  expect(isAliveSync(puppet.identity)).toBe(false);
  expect((await farewell)[0]).toEqual({ left: "SIGTERM" });
});

test("a process that ignores SIGTERM is killed after the grace, and the caller is told before", async () => {
  await using puppet = await Puppet.start();
  await puppet.tell("ignore", { signal: "SIGTERM" });
  const aliveAtKill: boolean[] = [];
  const onKill = () => aliveAtKill.push(isAliveSync(puppet.identity));
  expect(await terminate(puppet.identity, { graceMs: shortGraceMs, group: true, onKill })).toEqual({ killed: true });
  expect(aliveAtKill).toEqual([true]);
  expect(await puppet.exited()).toEqual({ code: null, signal: "SIGKILL" });
});

test("no grace means no SIGTERM", async () => {
  await using puppet = await Puppet.start();
  expect(await terminate(puppet.identity, { graceMs: 0, group: true })).toEqual({ killed: true });
  expect((await puppet.exited()).signal).toBe("SIGKILL");
});

test("the children in its group end with it", async () => {
  await using puppet = await Puppet.start();
  const child = identityOf(await puppet.tell("breed"));
  expect(await terminate(puppet.identity, { graceMs, group: true })).toEqual({ killed: false });
  expect(isAliveSync(child)).toBe(false);
});

test("a child that ignores SIGTERM and outlives its leader is killed", async () => {
  await using puppet = await Puppet.start();
  const then = [{ command: "ignore", signal: "SIGTERM" }];
  const child = identityOf(await puppet.tell("breed", { then }));
  expect(await terminate(puppet.identity, { graceMs: 500, group: true })).toEqual({ killed: true });
  expect(isAliveSync(child)).toBe(false);
  expect((await puppet.exited()).signal).toBe("SIGTERM");
});

test("without `group` the children live on", async () => {
  await using puppet = await Puppet.start();
  const child = identityOf(await puppet.tell("breed"));
  await terminate(puppet.identity, { graceMs, group: false });
  expect(isAliveSync(puppet.identity)).toBe(false);
  expect(isAliveSync(child)).toBe(true);
});

test("a process that leads no group is ended alone: its group is its parent's", async () => {
  await using puppet = await Puppet.start();
  const child = identityOf(await puppet.tell("breed"));
  expect(await terminate(child, { graceMs, group: true })).toEqual({ killed: false });
  expect(isAliveSync(child)).toBe(false);
  expect(isAliveSync(puppet.identity)).toBe(true);
});

test("a process that is no child of ours is waited for as well", async () => {
  await using puppet = await Puppet.start();
  const stranger = identityOf(await puppet.tell("breed", { detached: true }));
  try {
    expect(await terminate(stranger, { graceMs, group: true })).toEqual({ killed: false });
    expect(isAliveSync(stranger)).toBe(false);
  } finally {
    await endGroup(stranger);
  }
});

test("a stopped process is woken, so that it can obey", async () => {
  await using puppet = await Puppet.start();
  await puppet.tell("leaveOn", { signal: "SIGTERM" });
  process.kill(puppet.pid, "SIGSTOP");
  expect(await terminate(puppet.identity, { graceMs, group: true })).toEqual({ killed: false });
  expect(await puppet.exited()).toEqual({ code: 0, signal: null });
});

describe("nobody but the one that was meant is signalled", () => {
  test.each([{ group: true }, { group: false }])("a recycled PID, %j", async ({ group }) => {
    await using puppet = await Puppet.start();
    const old = { ...puppet.identity, startTime: wrong(puppet.identity.startTime) };
    expect(await terminate(old, { graceMs: shortGraceMs, group, instance: "one" })).toEqual({ killed: false });
    expect(await terminate(old, { graceMs: 0, group, instance: "one" })).toEqual({ killed: false });
    expect(await puppet.tell("cwd")).toBe("/");
  });

  test("a PID of another boot", async () => {
    await using puppet = await Puppet.start();
    const old = { ...puppet.identity, bootId: "another-boot" };
    expect(await terminate(old, { graceMs: 0, group: true, instance: "one" })).toEqual({ killed: false });
    expect(await puppet.tell("cwd")).toBe("/");
  });

  test("a group whose leader is gone and that nothing proves ours", async () => {
    await using puppet = await Puppet.start();
    const child = identityOf(await puppet.tell("breed", { env: { STIGMER_INSTANCE: "two" } }));
    await killLeader(puppet);
    expect(await terminate(puppet.identity, { graceMs: 0, group: true })).toEqual({ killed: false });
    expect(await terminate(puppet.identity, { graceMs: 0, group: true, instance: "one" })).toEqual({ killed: false });
    expect(isAliveSync(child)).toBe(true);
  });
});

describe.runIf(process.platform === "linux")("on Linux", () => {
  test("a group whose leader is gone is ended when a member bears our mark", async () => {
    await using puppet = await Puppet.start();
    const marked = identityOf(await puppet.tell("breed", { env: { STIGMER_INSTANCE: "one" } }));
    const unmarked = identityOf(await puppet.tell("breed"));
    await killLeader(puppet);
    expect(await terminate(puppet.identity, { graceMs, group: true, instance: "one" })).toEqual({ killed: false });
    expect(isAliveSync(marked)).toBe(false);
    expect(isAliveSync(unmarked)).toBe(false);
  });

  test("a zombie in the group is not waited for", async () => {
    await using puppet = await Puppet.start();
    const zombie = await makeZombie(puppet);
    // Its parent takes no note of it and leaves the group with its own end only.
    const member = identityOf(readProcStat(zombie)?.ppid);
    await terminate(puppet.identity, { graceMs, group: true });
    expect(isAliveSync(member)).toBe(false);
  });

  test("a leader that stays a zombie because its parent does not care counts as gone", async () => {
    await using puppet = await Puppet.start();
    const { parent, child } = (await puppet.tell("careless", { ownGroup: true })) as { parent: number; child: number };
    const leader = identityOf(child);
    await pollUntil({
      what: "the careless parent",
      probe: () => readProcStat(parent)?.comm === "sleep" && readProcStat(child)?.groupId === child,
      timeoutMs: 10_000,
      intervalMs: 5,
    });
    expect(await terminate(leader, { graceMs, group: true })).toEqual({ killed: false });
    expect(readProcStat(child)?.state).toBe("Z");
  });
});

test("what is gone already needs nothing", async () => {
  await using puppet = await Puppet.start();
  await puppet.tell("exit", { code: 0 });
  await puppet.exited();
  const onKill = () => expect.unreachable();
  expect(await terminate(puppet.identity, { graceMs, group: true, onKill })).toEqual({ killed: false });
  expect(await terminate(puppet.identity, { graceMs: 0, group: true, onKill })).toEqual({ killed: false });
});

test("an abort ends the wait with its reason and sends no kill", async () => {
  await using puppet = await Puppet.start();
  await puppet.tell("ignore", { signal: "SIGTERM" });
  const controller = new AbortController();
  const ending = terminate(puppet.identity, { graceMs, group: true, signal: controller.signal });
  controller.abort(new Error("never mind"));
  await expect(ending).rejects.toThrow("never mind");
  expect(await isAlive(puppet.identity)).toBe(true);
});

test.runIf(process.getuid?.() === 0)(
  "another user's process (needs root) is PERMISSION_DENIED for nobody",
  async () => {
    await using victim = await Puppet.start();
    await using directory = await temporaryDirectory();
    await chmod(directory.path, 0o755);
    const program = await buildFixture("process/terminate.ts", directory.path);
    const outcome = await runAs(NOBODY, program, [JSON.stringify(victim.identity)]);
    expect(outcome).toMatchObject({ code: "PERMISSION_DENIED", message: expect.stringContaining(String(victim.pid)) });
    expect(isAliveSync(victim.identity)).toBe(true);
  },
);

async function killLeader(puppet: Puppet): Promise<void> {
  puppet.child.kill("SIGKILL");
  await puppet.exited();
}

function wrong(startTime: string | number): string | number {
  return typeof startTime === "number" ? startTime - 1 : `not ${startTime}`;
}
