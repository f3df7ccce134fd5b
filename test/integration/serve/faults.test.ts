import { readdirSync, readFileSync, statSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { scriptedWorkflow, servedWorkflow } from "../../support/deployed-workflows.ts";
import { DeploymentRig } from "../../support/deployment-rig.ts";
import { FakeModel } from "../../support/fake-model.ts";
import { mountSmallDisk } from "../../support/small-disk.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let rig: DeploymentRig;

afterEach(() => rig?.[Symbol.asyncDispose]());

describe.skipIf(process.getuid?.() !== 0)("a full disk", () => {
  test("is 503 to new jobs and to readiness, and nothing is lost when there is room again", async () => {
    await using disk = await mountSmallDisk(2 * 1024 * 1024);
    rig = await DeploymentRig.create({ workflow: scriptedWorkflow() });
    await rig.start({ DATA_DIR: disk.path });
    const before = await rig.run({ topic: "before" });
    await fill(disk.path);
    // What SQLite still has room for in its files is taken by jobs.
    await rig.until("a refusal", async () => (await rig.run({ topic: "x".repeat(100_000) })).status === 503);
    const { status, body, headers } = await rig.run({ topic: "x".repeat(100_000) });
    expect([status, body.error.code]).toEqual([503, "store_unavailable"]);
    expect(headers.get("retry-after")).not.toBeNull();
    expect((await rig.get("/health")).status).toBe(200);
    await rig.until("the loss of readiness", async () => (await rig.get("/health/ready")).status === 503);
    expect((await rig.get(`/status/${before.body.job_id}`)).body.status).toBe("completed");
    await rm(join(disk.path, "filler"));
    expect((await rig.run({ topic: "after" })).status).toBe(200);
    await rig.until("readiness", async () => (await rig.get("/health/ready")).status === 200);
    await rig.crash(); // It lies on that disk.
  });

  test("under a running job puts the job down, and it goes on when there is room again", async () => {
    await using disk = await mountSmallDisk(2 * 1024 * 1024);
    const model = await FakeModel.start([{ text: "a".repeat(3_000_000) }, { text: "small" }]);
    rig = await DeploymentRig.create({ workflow: servedWorkflow(model.url) });
    await rig.start({ DATA_DIR: disk.path });
    // Its first answer has no room on the whole disk, the second has.
    const id = await rig.enqueue({ topic: "x" });
    await rig.until("the fault", async () => rig.output.includes("cannot go on for now"));
    expect((await rig.get(`/status/${id}`)).body.status).toBe("running");
    expect((await rig.jobWhen(id, "completed")).outputs).toMatchObject({ draft: "small" });
    const events = await rig.events(id);
    expect(events.map(({ id: seq }) => Number(seq))).toEqual(events.map((_, index) => index + 1));
    expect((await rig.get("/metrics")).body).toContain('stigmer_jobs{state="running"} 0\n');
    await model.stop();
    await rig.crash();
  });
});

test("the files of the jobs are their owner's alone", async () => {
  rig = await DeploymentRig.create({ workflow: scriptedWorkflow() });
  await rig.start();
  await rig.run({ topic: "x" });
  const modes = readdirSync(join(rig.directory, "data"))
    .filter((name) => name.startsWith("jobs.db"))
    .map((name) => [name, statSync(join(rig.directory, "data", name)).mode & 0o777]);
  expect(modes).toEqual([
    ["jobs.db", 0o600],
    ["jobs.db-wal", 0o600],
  ]);
});

describe("a damaged database", () => {
  test.each([
    ["text", "this is no database, and was never one; it is long enough to be taken for a page of something"],
    ["nothing but its first bytes", "SQLite format 3\0garbage"],
  ])("of %s ends the start with 1, names it, and stays as it is", async (_, content) => {
    rig = await DeploymentRig.create({ workflow: scriptedWorkflow() });
    const file = join(rig.directory, "data", "jobs.db");
    await mkdir(join(rig.directory, "data"));
    await writeFile(file, content);
    expect(await rig.spawn()).toBe(1);
    expect(rig.output).toMatch(/DATA_DIR .*data cannot be used/);
    expect(readFileSync(file, "utf8")).toBe(content);
  });
});

/** Leaves no room for another block. */
async function fill(directory: string): Promise<void> {
  for (let size = 2 * 1024 * 1024; size >= 4096; size /= 2) {
    await writeFile(join(directory, "filler"), Buffer.alloc(size), { flag: "a" }).catch(() => {});
  }
}
