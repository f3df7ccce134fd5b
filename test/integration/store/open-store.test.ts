import { execFileSync } from "node:child_process";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { migrate, schemaVersion } from "../../../agent-runner/src/event-log/migrate.ts";
import { AppError } from "../../../src/errors.ts";
import { openLibsql } from "../../../src/store/libsql-driver.ts";
import { SCHEMA } from "../../../src/store/migrations.ts";
import { openStore } from "../../../src/store/open.ts";
import { buildEngineProgram } from "../../support/engine-program.ts";
import { mountSmallDisk } from "../../support/small-disk.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

test("a new database is the owner's alone, its side files too", async () => {
  await using directory = await temporaryDirectory();
  const store = await openStore(directory.file("stigmer.db"));
  store.definitions.apply(agent("a"), "2026-01-01T00:00:00.000Z");
  for (const name of await readdir(directory.path)) {
    expect([name, (await stat(directory.file(name))).mode & 0o777]).toEqual([name, 0o600]);
  }
  await store.close();
});

test("what was written is there after the store was closed and opened again", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("it's a database?#%41.db");
  const first = await openStore(file);
  first.definitions.apply(agent("a"), "2026-01-01T00:00:00.000Z");
  await first.close();
  const second = await openStore(file);
  expect(second.definitions.find("Agent", "a")).toMatchObject(agent("a"));
  await second.close();
});

test("an empty file, left by a creation that was cut short, is filled", async () => {
  await using directory = await temporaryDirectory();
  await writeFile(directory.file("stigmer.db"), "");
  const store = await openStore(directory.file("stigmer.db"));
  expect(store.definitions.list("Agent")).toEqual([]);
  await store.close();
});

test("a database without tables, left by a creation that was cut short, is filled", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("stigmer.db");
  await writeFile(file, "");
  const driver = await openLibsql(file, "write");
  driver.exec("CREATE TABLE gone (a)");
  driver.exec("DROP TABLE gone");
  driver.close();
  await (await openStore(file)).close();
});

test.for([
  ["garbage", () => Buffer.from("this is no database ".repeat(500))],
  ["a few bytes", () => Buffer.from("x")],
  ["a damaged header", (bytes: Buffer) => overwrite(bytes, 0, 20)],
  ["damaged pages", (bytes: Buffer) => overwrite(bytes, 4096, 8192)],
  ["a lost second half", (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
] as const)("a database with %s is STATE_DAMAGED with the way out, and its bytes stay", async ([, damage]) => {
  await using directory = await temporaryDirectory();
  const file = directory.file("stigmer.db");
  const store = await openStore(file);
  for (let count = 0; count < 200; count += 1) store.definitions.apply(agent(`a${count}`), "2026-01-01T00:00:00.000Z");
  await store.close();
  const bytes = damage(await readFile(file));
  await writeFile(file, bytes);
  const error = await openStore(file).then(() => null, asAppError);
  expect(error).toMatchObject({ code: "STATE_DAMAGED" });
  expect(error?.message).toContain(file);
  expect(error?.actions[0]?.command).toContain("mv ");
  expect((await readFile(file)).equals(bytes)).toBe(true);
});

test("the way out of a damaged database works, spaces and quotes in its path included", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("it's my.db");
  await writeFile(file, "garbage");
  const error = await openStore(file).then(() => null, asAppError);
  execFileSync("sh", ["-c", error?.actions[0]?.command ?? "false"]);
  expect(await readFile(`${file}.damaged`, "utf8")).toBe("garbage");
  await (await openStore(file)).close();
});

test("another program's database is refused and left alone", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("stigmer.db");
  await writeFile(file, "");
  const foreign = await openLibsql(file, "write");
  foreign.exec("CREATE TABLE notes (text TEXT)");
  foreign.close();
  const before = await readFile(file);
  expect(await openStore(file).then(() => null, asAppError)).toMatchObject({
    code: "STATE_DAMAGED",
    message: expect.stringContaining("another program"),
  });
  expect((await readFile(file)).equals(before)).toBe(true);
});

test("a database of a newer version is refused with both numbers", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("stigmer.db");
  await (await openStore(file)).close();
  const driver = await openLibsql(file, "write");
  driver.exec("PRAGMA user_version = 99");
  driver.close();
  const error = await openStore(file).then(() => null, asAppError);
  expect(error?.code).toBe("STATE_DAMAGED");
  expect(error?.message).toContain(`format 99, this one knows ${SCHEMA.migrations.length}`);
});

test("a directory in the database's place is told as what it is", async () => {
  await using directory = await temporaryDirectory();
  expect(await openStore(directory.path).then(() => null, asAppError)).toMatchObject({
    code: "STATE_DAMAGED",
    detail: "it is not a regular file",
  });
});

test("a migration that fails half-way leaves the version and the tables of before", async () => {
  await using directory = await temporaryDirectory();
  await writeFile(directory.file("x.db"), "");
  const driver = await openLibsql(directory.file("x.db"), "write");
  const good = "CREATE TABLE one (a)";
  const upTo = (migrations: string[]) => migrate(driver, { applicationId: 1, migrations });
  expect(() => upTo([good, "CREATE TABLE two (a); CREATE TABLE one (a)"])).toThrow();
  expect(schemaVersion(driver)).toBe(1);
  upTo([good, "CREATE TABLE two (a)", "CREATE TABLE three (a)"]);
  expect(schemaVersion(driver)).toBe(3);
  driver.close();
});

test("a database of the first version keeps its executions, finished steps, events and leases", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("stigmer.db");
  await writeFile(file, "");
  const driver = await openLibsql(file, "write");
  migrate(driver, { ...SCHEMA, migrations: SCHEMA.migrations.slice(0, 1) });
  driver.exec(`
    INSERT INTO definition_bodies VALUES ('d', '{}');
    INSERT INTO executions (number, id, engine, kind, name, phase, created_at, limit_ms, digest, defaults, input)
      VALUES (7, 'x', 'embedded', 'agent', 'a', 'running', 't', 1000, 'd', '{}', '{}');
    INSERT INTO events VALUES (7, 1, 'execution.queued', 't', NULL, NULL, NULL, '{}');
    INSERT INTO events VALUES (7, 2, 'message.delta', 't', 1, 1, 0, '{"text":"a"}');
    INSERT INTO steps VALUES (7, 1, 'finished', '{"kind":"tool"}');
    INSERT INTO tasks VALUES (7, 'agent_execution_runner', 2, 1, 55, 'cancelled', 'l', 's', '{"A":"b"}');
  `);
  driver.close();

  const store = await openStore(file);
  const task = {
    number: 7,
    execution: 7,
    run: 0,
    queue: "agent_execution_runner",
    attempt: 2,
    deaths: 1,
    isStale: false,
  };
  expect(store.tasks.list()).toEqual([{ ...task, lease: { id: "l", runnerSession: "s" } }]);
  expect(store.unfinished.list()).toMatchObject([
    { execution: 7, id: "x", kind: "agent", elapsedMs: 55, stopping: "cancelled", environment: { A: "b" } },
  ]);
  expect(store.steps.list(7, 0)).toMatchObject([{ step: 1, phase: "finished" }]);
  const again = { run: 0, attempt: 1, step: 1, index: 0 };
  expect(store.events.append(7, 2, [{ type: "message.delta", time: "t", data: {}, delivery: again }])).toBe(2);
  expect(
    store.events.append(7, 2, [{ type: "message.delta", time: "t", data: {}, delivery: { ...again, run: 1 } }]),
  ).toBe(3);
  await store.close();
});

test.runIf(process.getuid?.() === 0)(
  "a disk that fills up is DISK_FULL at every write, and loses nothing",
  async () => {
    await using directory = await temporaryDirectory();
    await using disk = await mountSmallDisk(1_500_000);
    // A process of its own: the binding keeps files open until its garbage is collected, and so the disk busy.
    const program = await buildEngineProgram("engine/fill-disk.ts", directory.path);
    const answer = JSON.parse(execFileSync(process.execPath, [program, disk.path], { encoding: "utf8" }));
    expect(answer.told).toEqual(["DISK_FULL", "DISK_FULL"]);
    expect(answer.written.length).toBeGreaterThan(10);
    expect(answer.listed).toEqual(answer.written);
  },
);

test("a full database is DISK_FULL, and what was there before stays readable and writable", async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file("stigmer.db");
  const store = await openStore(file);
  store.definitions.apply(agent("kept"), "2026-01-01T00:00:00.000Z");
  await store.close();
  const driver = await openLibsql(file, "write");
  driver.get("PRAGMA max_page_count = 40");
  const fill = (): void =>
    driver.transaction(() => {
      for (let count = 0; count < 200; count += 1) {
        driver.run("INSERT INTO definition_bodies (digest, body) VALUES (?, ?)", `d${count}`, "x".repeat(4000));
      }
    });
  expect(fill).toThrow(expect.objectContaining({ code: "DISK_FULL", retryable: true }));
  expect(driver.all("SELECT name FROM definitions")).toMatchObject([{ name: "kept" }]);
  driver.get("PRAGMA max_page_count = 4000");
  fill();
  driver.close();
});

test("a value that the binding would die of is refused before it gets there", async () => {
  await using directory = await temporaryDirectory();
  await writeFile(directory.file("x.db"), "");
  const driver = await openLibsql(directory.file("x.db"), "write");
  const hostile: unknown = true;
  expect(() => driver.get("SELECT ?", hostile as string)).toThrow(TypeError);
  driver.close();
});

test("a transaction within a transaction is part of it", async () => {
  await using directory = await temporaryDirectory();
  const store = await openStore(directory.file("stigmer.db"));
  expect(() =>
    store.transaction(() => {
      store.definitions.apply(agent("a"), "2026-01-01T00:00:00.000Z");
      throw new Error("taken back");
    }),
  ).toThrow("taken back");
  expect(store.definitions.list("Agent")).toEqual([]);
  await store.close();
});

test("many flushes at once are answered together, and each covers what was written before it", async () => {
  await using directory = await temporaryDirectory();
  const store = await openStore(directory.file("stigmer.db"));
  store.definitions.apply(agent("a"), "2026-01-01T00:00:00.000Z");
  await Promise.all(Array.from({ length: 100 }, () => store.flush()));
  await store.flush();
  await store.close();
});

test("free text of any kind comes back as it was", async () => {
  await using directory = await temporaryDirectory();
  const store = await openStore(directory.file("stigmer.db"));
  const text = "NUL \0 quote ' \" newline \n emoji 🦞 and a right-to-left mark \u200f";
  store.conversations.append("s", [{ role: "user", text }]);
  expect(store.conversations.first("s", 1)).toEqual([{ role: "user", text }]);
  await store.close();
});

function agent(name: string) {
  return { kind: "Agent" as const, name, definition: { name, note: "x".repeat(200) }, file: "a.yaml" };
}

function overwrite(bytes: Buffer, from: number, length: number): Buffer {
  return Buffer.concat([bytes.subarray(0, from), Buffer.alloc(length, 0xab), bytes.subarray(from + length)]);
}

function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  throw error;
}
