import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import {
  type PidRecord,
  readPidFile,
  readPidFileSync,
  removePidFile,
  writePidFile,
} from "../../../src/components/process/pid-file.ts";
import { Puppet } from "../../support/puppet.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const INSTANCE = "6f2f0f2e-7a86-4a0e-9c6b-3f8c1c9c7a11";

function recordOf(puppet: Puppet): PidRecord {
  const { startTime, bootId } = puppet.identity;
  return { startTime, bootId, executable: process.execPath, instance: INSTANCE, version: "0.1.0" };
}

/** Both readers must say the same. */
async function read(path: string, instance: string | null = INSTANCE) {
  const state = await readPidFile(path, instance);
  expect(readPidFileSync(path, instance)).toEqual(state);
  return state;
}

test("the first line is the PID, the second the record, and the file is private", async () => {
  await using directory = await temporaryDirectory();
  await using puppet = await Puppet.start();
  const path = directory.file("daemon.pid");
  await writePidFile(path, { pid: puppet.pid, ...recordOf(puppet) });
  const lines = (await readFile(path, "utf8")).split("\n");
  expect(lines).toHaveLength(3);
  expect(lines[0]).toBe(String(puppet.pid));
  expect(JSON.parse(lines[1] ?? "")).toEqual(recordOf(puppet));
  expect(lines[2]).toBe("");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test("what runs and is proven ours is alive, with all that was recorded", async () => {
  await using directory = await temporaryDirectory();
  await using puppet = await Puppet.start();
  const path = directory.file("daemon.pid");
  const record = { ...recordOf(puppet), runnerId: "r", specHash: "h", startedAt: "2026-01-01T00:00:00Z" };
  await writePidFile(path, { pid: puppet.pid, ...record });
  expect(await read(path)).toEqual({ kind: "alive", identity: puppet.identity, record });
  expect(await read(path, null)).toMatchObject({ kind: "alive" });
});

test("what ended is dead, and its record is still told", async () => {
  await using directory = await temporaryDirectory();
  await using puppet = await Puppet.start();
  const path = directory.file("daemon.pid");
  await writePidFile(path, { pid: puppet.pid, ...recordOf(puppet) });
  await puppet.tell("exit", { code: 0 });
  await puppet.exited();
  expect(await read(path)).toEqual({ kind: "dead", pid: puppet.pid, record: recordOf(puppet) });
  await writeFile(path, `${puppet.pid}\n`);
  expect(await read(path)).toEqual({ kind: "dead", pid: puppet.pid, record: null });
});

test("no file is absent", async () => {
  await using directory = await temporaryDirectory();
  expect(await read(directory.file("daemon.pid"))).toEqual({ kind: "absent" });
  expect(await read(directory.file("no/such/daemon.pid"))).toEqual({ kind: "absent" });
});

describe("a live process that is not proven ours is a stranger", () => {
  const changes: [string, (record: PidRecord) => Partial<PidRecord>, RegExp][] = [
    ["started at another time", ({ startTime }) => ({ startTime: Number(startTime) - 1 }), /another time/],
    ["start time of another kind", ({ startTime }) => ({ startTime: `${startTime} ` }), /another time/],
    ["another boot", () => ({ bootId: "another-boot" }), /before the machine was started again/],
    ["another home", () => ({ instance: "other" }), /another home/],
  ];
  test.each(changes)("%s", async (_name, change, detail) => {
    await using directory = await temporaryDirectory();
    await using puppet = await Puppet.start();
    const path = directory.file("daemon.pid");
    await writePidFile(path, { pid: puppet.pid, ...recordOf(puppet), ...change(recordOf(puppet)) });
    expect(await read(path)).toEqual({ kind: "stranger", pid: puppet.pid, detail: expect.stringMatching(detail) });
  });

  test.each(["", "\n", "\n{}", "\nnull", "\n[1]", '\n{"startTime":1}', "\n{broken"])("record %j", async (rest) => {
    await using directory = await temporaryDirectory();
    await using puppet = await Puppet.start();
    await writeFile(directory.file("daemon.pid"), `${puppet.pid}${rest}`);
    expect(await read(directory.file("daemon.pid"))).toMatchObject({ kind: "stranger", pid: puppet.pid });
  });
});

test.each([
  "",
  "\n",
  "abc\n",
  "-1\n",
  "0\n",
  "1.5\n",
  "1e3\n",
  "0x10\n",
  "99999999999\n",
  "4294967296\n",
  " 12\n",
  "12 13\n",
])("%j names no PID: damaged", async (content) => {
  await using directory = await temporaryDirectory();
  await writeFile(directory.file("daemon.pid"), content);
  expect(await read(directory.file("daemon.pid"))).toMatchObject({ kind: "damaged" });
});

test("a folder, a FIFO, a device or a huge file in its place is damaged, at once", async () => {
  await using directory = await temporaryDirectory();
  await mkdir(directory.file("folder.pid"));
  execFileSync("mkfifo", [directory.file("fifo.pid")]);
  await writeFile(directory.file("huge.pid"), `${process.pid}\n${"x".repeat(1_000_000)}`);
  for (const path of ["folder.pid", "fifo.pid", "huge.pid"].map(directory.file).concat("/dev/zero")) {
    expect(await read(path)).toEqual({ kind: "damaged", detail: expect.stringContaining(path) });
  }
});

test("removing says whether there was one", async () => {
  await using directory = await temporaryDirectory();
  await writeFile(directory.file("daemon.pid"), "1\n");
  expect(await removePidFile(directory.file("daemon.pid"))).toBe(true);
  expect(await removePidFile(directory.file("daemon.pid"))).toBe(false);
  expect(await readdir(directory.path)).toEqual([]);
});

/** 500 in every run; the whole matrix asks for 10,000. */
const MUTATIONS = Number(process.env["STIGMER_TEST_MUTATIONS"] ?? 500);

test(`${MUTATIONS} damaged files are all answered, and none that names another process is alive`, async () => {
  await using directory = await temporaryDirectory();
  await using puppet = await Puppet.start();
  const path = directory.file("daemon.pid");
  await writePidFile(path, { pid: puppet.pid, ...recordOf(puppet) });
  const original = await readFile(path);
  const random = seededRandom(4711);
  const kinds = new Set<string>();
  for (let round = 0; round < MUTATIONS; round += 1) {
    const damaged = mutate(original, random);
    await writeFile(path, damaged);
    const state = await read(path);
    kinds.add(state.kind);
    if (state.kind !== "alive") continue;
    // Only what proves nothing may have changed: the program, the version, the blanks.
    expect(state.identity).toEqual(puppet.identity);
    const { startTime, bootId, instance } = state.record;
    expect({ startTime, bootId, instance }).toEqual({
      startTime: puppet.identity.startTime,
      bootId: puppet.identity.bootId,
      instance: INSTANCE,
    });
  }
  expect([...kinds].sort()).toEqual(["alive", "damaged", "dead", "stranger"]);
}, 120_000);

function mutate(original: Buffer, random: () => number): Buffer {
  const bytes = Buffer.from(original);
  const at = () => Math.floor(random() * bytes.length);
  const kind = Math.floor(random() * 6);
  if (kind === 0) return bytes.subarray(0, at());
  if (kind === 1) return Buffer.concat([bytes.subarray(0, at()), Buffer.from([at(), at()]), bytes.subarray(at())]);
  if (kind === 2) return Buffer.from(Array.from({ length: at() }, () => Math.floor(random() * 256)));
  if (kind === 3) return Buffer.concat([bytes, bytes.subarray(at())]);
  if (kind === 4) {
    // Another digit somewhere: another PID, time, boot or version.
    const digit = at();
    for (let index = digit; index < bytes.length; index += 1) {
      if (/\d/.test(String.fromCharCode(bytes[index] ?? 0))) {
        bytes[index] = 48 + Math.floor(random() * 10);
        return bytes;
      }
    }
  }
  for (let flips = 1 + Math.floor(random() * 8); flips > 0; flips -= 1) bytes[at()] = Math.floor(random() * 256);
  return bytes;
}
