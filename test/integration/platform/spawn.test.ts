import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { identifySync } from "../../../src/platform/process-identity.ts";
import { listProcesses } from "../../../src/platform/process-table.ts";
import { spawnDetached } from "../../../src/platform/spawn.ts";
import { buildFixture } from "../../support/build-fixture.ts";
import { endGroup, PUPPET, Puppet } from "../../support/puppet.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

test("what the child writes is appended to a file that nobody else may read", async () => {
  await using directory = await temporaryDirectory();
  const outputFile = directory.file("out.log");
  await writeFile(outputFile, "before\n", { mode: 0o600 });
  await using puppet = await Puppet.start({ outputFile });
  await puppet.tell("print", { text: "one\n" });
  await puppet.tell("printError", { text: "two\n" });
  expect(await readFile(outputFile, "utf8")).toBe("before\none\ntwo\n");
});

test("the output file is made with mode 0600", async () => {
  await using directory = await temporaryDirectory();
  const outputFile = directory.file("out.log");
  await using _puppet = await Puppet.start({ outputFile });
  expect((await stat(outputFile)).mode & 0o777).toBe(0o600);
});

test("an emptied output file is written from its new end on", async () => {
  await using directory = await temporaryDirectory();
  const outputFile = directory.file("out.log");
  await using puppet = await Puppet.start({ outputFile });
  await puppet.tell("print", { text: "long ago\n" });
  await writeFile(outputFile, "");
  await puppet.tell("print", { text: "now\n" });
  expect(await readFile(outputFile, "utf8")).toBe("now\n");
});

test("the child has a session and group of its own, and exactly the environment and folder it was given", async () => {
  await using directory = await temporaryDirectory();
  await using puppet = await Puppet.start({ env: { ONLY: "this" }, cwd: directory.path });
  const entry = (await listProcesses()).find(({ pid }) => pid === puppet.pid);
  expect(entry?.groupId).toBe(puppet.pid);
  if (process.platform === "linux") expect(entry?.sessionId).toBe(puppet.pid);
  const environment = (await puppet.tell("environment")) as Record<string, string>;
  expect(Object.keys(environment)).toEqual(["ONLY"]);
  expect(await puppet.tell("cwd")).toBe(directory.path);
});

const plain = { env: { PATH: "/bin:/usr/bin" }, cwd: "/", outputFile: null, ipc: false };

test("a program that does not exist is a rejection that names it", async () => {
  await expect(spawnDetached({ ...plain, argv: ["no-such-program"] })).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: "the program no-such-program was not found",
  });
});

test("a folder that does not exist is not blamed on the program", async () => {
  await expect(spawnDetached({ ...plain, argv: ["true"], cwd: "/no/such/folder" })).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: expect.stringContaining("/no/such/folder"),
  });
});

test("a file that is no program is PERMISSION_DENIED", async () => {
  await using directory = await temporaryDirectory();
  await writeFile(directory.file("text"), "x", { mode: 0o600 });
  await expect(spawnDetached({ ...plain, argv: [directory.file("text")] })).rejects.toMatchObject({
    code: "PERMISSION_DENIED",
  });
});

test("an output file that cannot be opened is told before anything is started", async () => {
  const starting = spawnDetached({ ...plain, argv: ["true"], outputFile: "/no/such/folder/out.log" });
  await expect(starting).rejects.toMatchObject({ code: "NOT_FOUND", message: expect.stringContaining("out.log") });
});

test("no event is missed by a listener that is added when the child is handed over", async () => {
  for (let round = 0; round < 20; round += 1) {
    const child = await spawnDetached({ ...plain, argv: ["true"] });
    expect(await once(child, "exit")).toEqual([0, null]);
  }
});

test("the parent can end while the child lives on, also with a channel between them", async () => {
  await using directory = await temporaryDirectory();
  const parent = await buildFixture("process/leave-child.ts", directory.path);
  const { stdout } = await promisify(execFile)(process.execPath, [parent, PUPPET], { timeout: 20_000 });
  const pid = Number(stdout);
  const identity = identifySync(pid);
  expect(identity).not.toBeNull();
  if (identity !== null) await endGroup(identity);
});
