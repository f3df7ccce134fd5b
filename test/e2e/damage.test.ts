import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { mountSmallDisk } from "../support/small-disk.ts";
import { StackRig } from "../support/stack-rig.ts";

const EXAMPLES = new URL("../../examples", import.meta.url).pathname;
/** Nothing here is about Docker, and without it a start is quicker. */
const CONFIG = "server: { port: 0 }\nagent_runner: { runtime: process }\n";

describe("a damaged database", () => {
  const rig = new StackRig({ config: CONFIG });
  afterAll(async () => {
    expect(await rig.dispose()).toEqual([]);
  });

  const damages: [string, (good: Buffer) => Buffer][] = [
    [
      "overwritten in its middle",
      (good) => Buffer.concat([good.subarray(0, 4096), Buffer.alloc(good.length - 4096, 0xa5)]),
    ],
    ["cut short", (good) => good.subarray(0, 5000)],
    ["that is no database", () => Buffer.from("my notes, put here by mistake\n".repeat(500))],
  ];

  test.each(damages)("%s is STATE_DAMAGED, with its bytes untouched and a way out", async (_, damage) => {
    expect((await rig.run(["apply", "-f", EXAMPLES])).exitCode).toBe(0);
    expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
    const damaged = damage(readFileSync(rig.path("data", "stigmer.db")));
    rig.write("data/stigmer.db", damaged);
    for (const args of [
      ["server", "start"],
      ["agent", "list"],
      ["run", "--agent", "hello"],
    ]) {
      const { exitCode, envelope } = await rig.json(args);
      expect([args, exitCode, envelope.error?.code]).toEqual([args, 1, "STATE_DAMAGED"]);
      expect(envelope.error?.message).toContain(rig.path("data", "stigmer.db"));
      expect(readFileSync(rig.path("data", "stigmer.db")).equals(damaged)).toBe(true);
      expect(await rig.leaks()).toEqual([]);
    }
    expect((await rig.status()).exitCode).toBe(3);
    const { envelope } = await rig.json(["server", "start"]);
    execFileSync("sh", ["-c", envelope.error?.actions[0]?.command ?? "false"]);
    expect((await rig.run(["server", "start"])).exitCode).toBe(0);
    expect(readFileSync(rig.path("data", "stigmer.db.damaged")).equals(damaged)).toBe(true);
    expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
  });
});

test("a damaged instance-id is STATE_DAMAGED for every command that needs it, and stays as it is", async () => {
  const rig = new StackRig({ config: CONFIG });
  for (const text of ["not a UUID\n", "", "0".repeat(5_000)]) {
    rig.write("data/instance-id", text);
    for (const args of [
      ["server", "start"],
      ["server", "status"],
      ["server", "stop"],
      ["agent", "list"],
    ]) {
      const { exitCode, envelope } = await rig.json(args);
      expect([args, exitCode, envelope.error?.code]).toEqual([args, 1, "STATE_DAMAGED"]);
      expect(JSON.stringify(envelope.error?.actions)).toContain("instance-id.damaged");
      expect(rig.read("data", "instance-id")).toBe(text);
    }
  }
  const { envelope } = await rig.json(["server", "start"]);
  execFileSync("sh", ["-c", envelope.error?.actions.at(-1)?.command ?? "false"]);
  expect((await rig.run(["server", "start"])).exitCode).toBe(0);
  expect(await rig.dispose()).toEqual([]);
});

const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)("a home on a disk of its own", () => {
  test("that is mounted read-only gives PERMISSION_DENIED naming the path", async () => {
    await using disk = await diskWithHome(1024 * 1024);
    const { rig } = disk;
    disk.makeReadOnly();
    for (const args of [
      ["server", "start"],
      ["config", "set", "llm.model", "x"],
      ["run", "--agent", "hello"],
    ]) {
      const { exitCode, envelope } = await rig.json(args);
      expect([args, exitCode, envelope.error?.code]).toEqual([args, 1, "PERMISSION_DENIED"]);
      expect(`${envelope.error?.message} ${envelope.error?.hint}`).toContain(`${disk.path}/home`);
      expect(`${envelope.error?.hint}`).toContain("--home DIR");
    }
    expect((await rig.status()).exitCode).toBe(3);
    expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
    expect(rig.read("config.yaml")).toBe(CONFIG);
  });

  // Where the room ends decides which write fails first: a folder, the log, the database, what a runner's greeting writes.
  test.each([0, 16, 48, 96, 120, 400])(
    "that has %i KiB left starts, or says DISK_FULL, and never loses a file",
    async (freeKiB) => {
      await using disk = await diskWithHome(1024 * 1024);
      const { rig } = disk;
      const { bavail, bsize } = statfsSync(disk.path);
      writeFileSync(join(disk.path, "filler"), Buffer.alloc(bavail * bsize - freeKiB * 1024));
      const { exitCode, envelope } = await rig.json(["server", "start"]);
      const started = exitCode === 0;
      if (!started) expect([exitCode, envelope.error?.code]).toEqual([1, "DISK_FULL"]);
      expect((await rig.status()).exitCode).toBe(started ? 0 : 3);
      const stop = await rig.run(["server", "stop"]);
      expect(stop.exitCode, stop.stderr).toBe(0);
      expect(await rig.leaks()).toEqual([]);
      expect(rig.read("config.yaml")).toBe(CONFIG);
      rmSync(join(disk.path, "filler"));
      expect((await rig.run(["server", "start"])).exitCode).toBe(0);
      expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
      expect(await rig.leaks()).toEqual([]);
    },
  );

  test("that fills up while the stack runs: what must write says DISK_FULL, the rest goes on, and so does all once there is room", async () => {
    await using disk = await diskWithHome(4 * 1024 * 1024);
    const { rig } = disk;
    expect((await rig.run(["apply", "-f", EXAMPLES])).exitCode).toBe(0);
    execFileSync("sh", ["-c", 'cat /dev/zero > "$0" 2>/dev/null || true', `${disk.path}/filler`]);
    for (const args of [
      ["run", "--agent", "hello"],
      ["server", "restart", "--component", "workflow-runner"],
      ["server", "start"],
    ]) {
      const { exitCode, envelope } = await rig.json(args);
      expect([args, exitCode, envelope.error?.code]).toEqual([args, 1, "DISK_FULL"]);
    }
    for (const args of [
      ["agent", "list"],
      ["execution", "list"],
      ["server", "logs"],
    ]) {
      expect([args, (await rig.run(args)).exitCode]).toEqual([args, 0]);
    }
    rmSync(join(disk.path, "filler"));
    const run = await rig.run(["run", "--agent", "hello"]);
    expect(run.exitCode, run.stderr).toBe(0);
    expect((await rig.run(["server", "start"])).exitCode).toBe(0);
    expect((await rig.status()).state).toBe("ready");
    expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
    expect(await rig.leaks()).toEqual([]);
  });
});

/** A home on a file system of its own, which is unmounted when nothing of its stack runs any more. */
async function diskWithHome(
  bytes: number,
): Promise<AsyncDisposable & { path: string; rig: StackRig; makeReadOnly(): void }> {
  const disk = await mountSmallDisk(bytes);
  const rig = new StackRig({ config: CONFIG, home: join(disk.path, "home") });
  return {
    path: disk.path,
    rig,
    makeReadOnly: disk.makeReadOnly,
    [Symbol.asyncDispose]: async () => {
      await rig.run(["server", "stop", "--force"]);
      await disk[Symbol.asyncDispose]();
      await rig.dispose();
    },
  };
}
