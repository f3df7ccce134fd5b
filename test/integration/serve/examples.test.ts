import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { packageRoot } from "../../../src/platform/package.ts";
import { DeploymentRig } from "../../support/deployment-rig.ts";
import { seededRandom } from "../../support/seeded-random.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let rig: DeploymentRig;

afterEach(() => rig?.[Symbol.asyncDispose]());

test.each(["article-writer", "fork-join", "review-loop"])("the example %s is served as it is", async (name) => {
  const workflow = readFileSync(join(packageRoot(), "examples", `${name}.yaml`), "utf8");
  rig = await DeploymentRig.create({ workflow });
  await rig.start();
  const { status, body } = await rig.run("");
  expect([status, body.status]).toEqual([200, "success"]);
  expect(body.outputs).toMatchObject(name === "review-loop" ? { approved: true, rounds_left: 1 } : {});
});

const KILLS = 6;

const FORK = `
schema_version: "1.0"
flow: { name: fork }
state:
  fields: { a: { type: str }, b: { type: str }, c: { type: str } }
config:
  llm: { provider: scripted, delay_ms: 120, script: [{ tool_calls: [{ tool: shell, arguments: { command: COMMAND } }] }, { text: done }] }
nodes:
  - { id: left, prompt: Left, tools: [shell], outputs: [a] }
  - { id: right, prompt: Right, tools: [shell], outputs: [b] }
  - { id: join, prompt: Join, tools: [shell], outputs: [c] }
edges:
  - { from: START, to: [left, right] }
  - { from: left, to: join }
  - { from: right, to: join }
  - { from: join, to: END }
`;

test(`a fork that is killed at ${KILLS} random moments ends once, and no tool runs twice`, async () => {
  const random = seededRandom(20_261_126);
  rig = await DeploymentRig.create({ workflow: FORK.replace("COMMAND", '"echo ran >> tool-runs"') });
  await rig.start();
  const ids = [await rig.enqueue({}), await rig.enqueue({})];
  for (let kill = 0; kill < KILLS; kill += 1) {
    // The moment is what the test is about: anywhere in the work on the jobs.
    await new Promise((resolve) => setTimeout(resolve, random() * 250));
    await rig.crash();
    await rig.start();
  }
  for (const id of ids) {
    const job = await rig.jobWhen(id, "completed", "failed");
    expect(job).toMatchObject({ status: "completed", outputs: { a: "done", b: "done", c: "done" } });
    const events = await rig.events(id);
    expect(events.map(({ id: seq }) => Number(seq))).toEqual(events.map((_, index) => index + 1));
    const count = (type: string) => events.filter(({ data }) => data.type === type).length;
    expect([count("node.started"), count("node.completed"), count("execution.succeeded")]).toEqual([3, 3, 1]);
  }
  const runs = readFileSync(join(rig.directory, "data/workspace/tool-runs"), "utf8").trimEnd().split("\n");
  // Each of the six is run at most once: one that a kill met is told to the model as interrupted.
  expect(runs.length).toBeLessThanOrEqual(6);
});
