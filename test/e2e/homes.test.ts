import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { docker, StackRig } from "../support/stack-rig.ts";

const EXAMPLES = new URL("../../examples", import.meta.url).pathname;

/** What a user does from the first command to the last. */
async function useFromStartToStop(rig: StackRig): Promise<void> {
  const start = await rig.run(["server", "start"]);
  expect(start.exitCode, start.stderr).toBe(0);
  expect(await rig.status()).toMatchObject({ exitCode: 0, state: "ready" });
  expect((await rig.run(["apply", "-f", EXAMPLES])).exitCode).toBe(0);
  const run = await rig.run(["run", "--agent", "hello"]);
  expect([run.exitCode, run.stderr]).toEqual([0, expect.stringContaining("shell done")]);
  expect(rig.read("data", "workspace", "hello", "greeting.txt")).toBe("Hello from stigmer!\n");
  const logs = await rig.run(["server", "logs", "-c", "agent-runner"]);
  expect(logs.stdout).toContain("polling");
  expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
  expect(await rig.leaks()).toEqual([]);
}

test("a home with spaces on a path of 200 characters works from start to stop", async () => {
  const root = mkdtempSync(join(tmpdir(), "stigmer rig "));
  const home = join(root, "a home with spaces ".repeat(20)).slice(0, 199).concat("x");
  expect(home).toHaveLength(200);
  const [temporary, other] = [join(root, "temporary"), join(root, "other")];
  for (const folder of [temporary, other]) mkdirSync(folder);
  const rig = new StackRig({ home, env: { TMPDIR: temporary } });
  await useFromStartToStop(rig);
  // The socket lies in the temp dir, and a command with another temp dir finds it all the same.
  expect((await rig.run(["server", "start"])).exitCode).toBe(0);
  expect(readdirSync(temporary).filter((name) => name.endsWith(".sock"))).toHaveLength(1);
  const status = await rig.json(["server", "status"], { env: { TMPDIR: other } });
  expect([status.exitCode, status.envelope.data]).toEqual([0, expect.objectContaining({ state: "ready" })]);
  expect((await rig.run(["server", "stop"], { env: { TMPDIR: other } })).exitCode).toBe(0);
  expect([...readdirSync(temporary), ...readdirSync(other)].filter((name) => name.endsWith(".sock"))).toEqual([]);
  expect(await rig.dispose()).toEqual([]);
  rmSync(root, { recursive: true, force: true });
});

test("a home that is a symbolic link works, and is the same stack by either name", async () => {
  const root = mkdtempSync(join(tmpdir(), "stigmer-rig-"));
  mkdirSync(join(root, "real"), { mode: 0o700 });
  symlinkSync(join(root, "real"), join(root, "link"));
  const rig = new StackRig({ home: join(root, "link") });
  await useFromStartToStop(rig);
  expect((await rig.run(["server", "start"])).exitCode).toBe(0);
  const server = rig.pid("daemon");
  const byRealName = await rig.run(["--home", join(root, "real"), "server", "start"]);
  expect(byRealName.exitCode, byRealName.stderr).toBe(0);
  expect(rig.pid("daemon")).toBe(server);
  expect((await rig.run(["--home", join(root, "real"), "server", "status"])).exitCode).toBe(0);
  expect(await docker("ps", "-q", "--filter", `label=ai.stigmer.instance=${rig.instance()}`)).toHaveLength(12);
  expect((await rig.run(["--home", join(root, "real"), "server", "stop"])).exitCode).toBe(0);
  expect((await rig.status()).exitCode).toBe(3);
  expect(await rig.dispose()).toEqual([]);
  rmSync(root, { recursive: true, force: true });
});

test("a home that is not there is made, closed to others, with its parents", async () => {
  const root = mkdtempSync(join(tmpdir(), "stigmer-rig-"));
  const rig = new StackRig({ env: { STIGMER_SERVER_PORT: "0" } });
  const home = join(root, "new", "home");
  expect((await rig.run(["--home", home, "server", "status"])).exitCode).toBe(3);
  expect(existsSync(join(root, "new"))).toBe(false); // Asking makes nothing.
  expect((await rig.run(["--home", home, "server", "start", "--runtime", "process"])).exitCode).toBe(0);
  expect((await rig.run(["--home", home, "server", "stop"])).exitCode).toBe(0);
  expect(existsSync(join(home, "data", "instance-id"))).toBe(true);
  expect(await rig.dispose()).toEqual([]);
  rmSync(root, { recursive: true, force: true });
});
