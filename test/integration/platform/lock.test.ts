import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { withLock } from "../../../src/platform/lock.ts";
import { entryFor } from "../../../src/platform/lock-directory.ts";
import { identifySync } from "../../../src/platform/process-identity.ts";
import { buildFixture } from "../../support/build-fixture.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let program: string;
let lockFile: string;
let contenders: ChildProcess[];

beforeEach(async () => {
  directory = await temporaryDirectory();
  program = await buildFixture("process/lock-contender.ts", directory.path);
  await mkdir(directory.file("run"));
  lockFile = directory.file("run/start.lock");
  await writeFile(directory.file("counter"), "0");
  await writeFile(directory.file("journal"), "");
  contenders = [];
});

afterEach(async () => {
  for (const contender of contenders) await kill(contender);
  await directory[Symbol.asyncDispose]();
});

const quick = { what: "the test", timeoutMs: 10_000 };
const impatient = { what: "the start of the stack", timeoutMs: 200 };

test("50 processes at once go one after another and lose no update", async () => {
  await startContenders(50);
  const ends = contenders.map((contender) => once(contender, "exit"));
  for (const contender of contenders) order(contender, { rounds: 2 });
  for (const end of ends) expect(await end).toEqual([0, null]);
  expect(await readCounter()).toBe(100);
  expect(await overlaps(new Set())).toEqual([]);
  expect(await readdir(directory.file("run"))).toEqual([]);
}, 240_000);

test("holders killed in the middle hold up nobody, and nobody overlaps", async () => {
  const random = seededRandom(20260721);
  await startContenders(20);
  const killed = new Set<number>();
  const ends = contenders.map((contender) => once(contender, "exit"));
  for (const contender of contenders) {
    // Twelve die: some in the section, some right after it, some while they wait or take the lock.
    contender.on("message", () => {
      if (killed.size >= 12 || random() < 0.7) return;
      const victim = random() < 0.6 ? contender : contenders[Math.floor(random() * contenders.length)];
      if (victim?.pid === undefined || killed.has(victim.pid)) return;
      killed.add(victim.pid);
      victim.kill("SIGKILL");
    });
    order(contender, { rounds: 10 });
  }
  await Promise.all(ends);
  expect(killed.size).toBe(12);
  const survivors = contenders.filter(({ pid }) => !killed.has(pid ?? 0));
  for (const survivor of survivors) expect([survivor.exitCode, survivor.signalCode]).toEqual([0, null]);
  expect(await overlaps(killed)).toEqual([]);
  expect(await readCounter()).toBeGreaterThanOrEqual(survivors.length * 10);
  await withLock(lockFile, async () => {}, quick);
  expect(await readdir(directory.file("run"))).toEqual([]);
}, 240_000);

test("the lock of a killed holder goes to one of ten that wait, then to the next", async () => {
  const [holder, ...waiting] = await startContenders(11);
  if (holder === undefined) return expect.unreachable();
  order(holder, { rounds: 1, hold: true });
  await once(holder, "message");
  const ends = waiting.map((contender) => once(contender, "exit"));
  for (const contender of waiting) order(contender, { rounds: 1 });
  await kill(holder);
  for (const end of ends) expect(await end).toEqual([0, null]);
  expect(await readCounter()).toBe(10);
  expect(await overlaps(new Set([holder.pid ?? 0]))).toEqual([]);
});

test("a live holder is waited for, however old its lock and whether or not it was stopped, and then named", async () => {
  const [holder] = await startContenders(1);
  if (holder === undefined) return expect.unreachable();
  order(holder, { rounds: 1, hold: true });
  await once(holder, "message");
  await utimes(lockFile, 1, 1);
  holder.kill("SIGSTOP");
  const attempt = withLock(lockFile, async () => expect.unreachable(), impatient);
  await expect(attempt).rejects.toMatchObject({
    code: "START_IN_PROGRESS",
    message: `process ${holder.pid} is still at the start of the stack after 0.2 s`,
    retryable: true,
  });
});

test("a lock from before the machine was started again is taken at once", async () => {
  const me = identifySync(process.pid);
  if (me === null) return expect.unreachable();
  await mkdir(lockFile);
  await writeFile(`${lockFile}/${entryFor({ ...me, bootId: "another-boot" })}`, "");
  expect(await withLock(lockFile, async () => "mine", quick)).toBe("mine");
});

test("a lock whose holder's PID was given to another process is taken at once", async () => {
  const me = identifySync(process.pid);
  if (me === null) return expect.unreachable();
  await mkdir(lockFile);
  const startTime = typeof me.startTime === "number" ? me.startTime - 1 : "another day";
  await writeFile(`${lockFile}/${entryFor({ ...me, startTime })}`, "");
  expect(await withLock(lockFile, async () => "mine", quick)).toBe("mine");
});

test("an empty lock directory is a free lock", async () => {
  await mkdir(lockFile);
  expect(await withLock(lockFile, async () => "mine", quick)).toBe("mine");
  expect(await readdir(directory.file("run"))).toEqual([]);
});

test("what was prepared by a process that was killed is cleared away, what a live one prepares is not", async () => {
  const me = identifySync(process.pid);
  if (me === null) return expect.unreachable();
  const [live, dead] = [entryFor(me), entryFor({ ...me, bootId: "another-boot" })];
  for (const entry of [live, dead]) await mkdir(`${lockFile}~${entry}`);
  await withLock(lockFile, async () => {}, quick);
  expect(await readdir(directory.file("run"))).toEqual([`start.lock~${live}`]);
});

test("two parts of one process take turns as well", async () => {
  const log: string[] = [];
  const section = (name: string) => async () => {
    log.push(`${name} enters`);
    await stat(lockFile);
    log.push(`${name} leaves`);
  };
  await Promise.all([withLock(lockFile, section("a"), quick), withLock(lockFile, section("b"), quick)]);
  expect(log).toHaveLength(4);
  expect(log[0]?.[0]).toBe(log[1]?.[0]);
  expect(log[2]?.[0]).toBe(log[3]?.[0]);
});

test("the lock is free again when the work throws, and its error comes through", async () => {
  const failing = withLock(lockFile, () => Promise.reject(new Error("broken")), quick);
  await expect(failing).rejects.toThrow("broken");
  expect(await readdir(directory.file("run"))).toEqual([]);
});

test("an abort ends the wait", async () => {
  const controller = new AbortController();
  await withLock(
    lockFile,
    async () => {
      const waiting = withLock(lockFile, async () => expect.unreachable(), { ...quick, signal: controller.signal });
      controller.abort("stop");
      await expect(waiting).rejects.toBe("stop");
    },
    quick,
  );
});

test("a lock that was taken away while it was held is told", async () => {
  const working = withLock(lockFile, () => rm(lockFile, { recursive: true }), quick);
  await expect(working).rejects.toMatchObject({ code: "STATE_DAMAGED", message: expect.stringContaining(lockFile) });
});

test("something else in the lock's place is left alone and named", async () => {
  await writeFile(lockFile, "what is this");
  await expect(withLock(lockFile, async () => {}, quick)).rejects.toMatchObject({
    code: "STATE_DAMAGED",
    message: expect.stringContaining(lockFile),
  });
  expect(await readFile(lockFile, "utf8")).toBe("what is this");
});

test("a foreign file in the lock is left alone and named", async () => {
  await mkdir(lockFile);
  await writeFile(`${lockFile}/notes.txt`, "");
  await expect(withLock(lockFile, async () => {}, quick)).rejects.toMatchObject({ code: "STATE_DAMAGED" });
  expect(await readdir(lockFile)).toEqual(["notes.txt"]);
});

async function startContenders(count: number): Promise<ChildProcess[]> {
  const started = Array.from({ length: count }, () => fork(program, [], { stdio: "inherit" }));
  contenders.push(...started);
  await Promise.all(started.map((contender) => once(contender, "message")));
  return started;
}

function order(contender: ChildProcess, options: { rounds: number; hold?: boolean }): void {
  const [counterFile, journalFile] = [directory.file("counter"), directory.file("journal")];
  contender.send({ lockFile, counterFile, journalFile, hold: false, ...options });
}

async function kill(contender: ChildProcess): Promise<void> {
  if (contender.exitCode !== null || contender.signalCode !== null) return;
  const end = once(contender, "exit");
  contender.kill("SIGKILL");
  await end;
}

async function readCounter(): Promise<number> {
  return Number(await readFile(directory.file("counter"), "utf8"));
}

/** Lines of the journal that were written while another process, not one of the dead, was in the section. */
async function overlaps(dead: ReadonlySet<number>): Promise<string[]> {
  const wrong: string[] = [];
  let inside: number | null = null;
  for (const line of (await readFile(directory.file("journal"), "utf8")).trim().split("\n")) {
    const [pid, event] = [Number(line.split(" ")[0]), line.split(" ")[1]];
    const isFree = inside === null || dead.has(inside);
    if (event === "enter" ? !isFree : pid !== inside) wrong.push(line);
    inside = event === "leave" ? null : pid;
  }
  return wrong;
}
