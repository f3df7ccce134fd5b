import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { servedWorkflow, toolWorkflow } from "../../support/deployed-workflows.ts";
import { DeploymentRig } from "../../support/deployment-rig.ts";
import { FakeModel } from "../../support/fake-model.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let rig: DeploymentRig;
let model: FakeModel;

afterEach(async () => {
  await rig?.[Symbol.asyncDispose]();
  await model?.stop();
});

test("SIGTERM puts down a model call that does not end in time", async () => {
  model = await FakeModel.start([{ silentAfter: "begin" }]);
  rig = await DeploymentRig.create({ workflow: servedWorkflow(model.url) });
  const [exit] = await rig.start({ DRAIN_TIMEOUT: "0.3" });
  const id = await rig.enqueue({ topic: "x" });
  await model.until("the model call", () => model.requests.length === 1);
  rig.signal("SIGTERM");
  expect(await exit).toBe(0);
  await model.until("the end of the call", () => model.hangUps === 1);
  await rig.start();
  await model.until("the call again", () => model.requests.length === 2);
  expect((await rig.get(`/status/${id}`)).body.status).toBe("running");
});

test("SIGUSR2 hands the jobs over without waiting for them, and tells whoever waits where to look", async () => {
  model = await FakeModel.start([{ silentAfter: "begin" }, { text: "whole" }]);
  rig = await DeploymentRig.create({ workflow: servedWorkflow(model.url) });
  const [exit] = await rig.start({ DRAIN_TIMEOUT: "600", SYNC_TIMEOUT: "600" });
  const answer = rig.run({ topic: "x" });
  await model.until("the model call", () => model.requests.length === 1);
  rig.signal("SIGUSR2");
  const { status, body } = await answer;
  expect([status, body.status]).toEqual([202, "async"]);
  expect(await exit).toBe(0);
  await rig.start();
  expect((await rig.jobWhen(body.job_id, "completed")).status).toBe("completed");
});

test("SIGTERM puts down a job that waits to ask a model again, which is gone", async () => {
  model = await FakeModel.start([{ status: 429, headers: { "retry-after": "50" } }]);
  rig = await DeploymentRig.create({ workflow: servedWorkflow(model.url) });
  const [exit] = await rig.start({ DRAIN_TIMEOUT: "0.3" });
  await rig.enqueue({ topic: "x" });
  await rig.until("the pause", async () => rig.output.includes("tried again"));
  await model.stop();
  rig.signal("SIGTERM");
  expect(await exit).toBe(0);
});

test("SIGTERM puts down a tool that does not listen to it, with its process", async () => {
  const command = "trap '' TERM; echo $$ > pid; sleep 600 & wait; sleep 600";
  model = await FakeModel.start([{ toolCalls: [{ name: "shell", arguments: { command } }] }, { text: "done" }]);
  rig = await DeploymentRig.create({ workflow: toolWorkflow(model.url) });
  const [exit] = await rig.start({ DRAIN_TIMEOUT: "0.3" });
  await rig.enqueue({});
  await rig.until("the tool", async () => existsSync(join(rig.directory, "data/workspace/pid")));
  rig.signal("SIGTERM");
  expect(await exit).toBe(0);
});
