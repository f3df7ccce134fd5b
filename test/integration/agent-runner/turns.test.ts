import { type Json, type NodeRun, QUEUES } from "@stigmer/agent-runner/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RunnerRig, startRunner } from "../../support/agent-runner-rig.ts";
import { FakeBackend } from "../../support/fake-backend.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { next, routes, workflow } from "../../support/workflow-flow.ts";

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let backend: FakeBackend;
let runner: RunnerRig;

beforeAll(async () => {
  directory = await temporaryDirectory();
  backend = await FakeBackend.start();
  runner = await startRunner(backend, { directory: directory.path, queue: QUEUES.workflow });
});

afterAll(async () => {
  await runner.stop();
  await backend.crash();
  await directory[Symbol.asyncDispose]();
});

/** Through JSON, as the server keeps it. */
function kept(definition: unknown) {
  return { workflow: JSON.parse(JSON.stringify(definition)) as Json, agents: {} };
}

function ended(changes: Partial<NodeRun>): NodeRun {
  return { run: 1, node: "a", iteration: 1, phase: "succeeded", output: {}, error: null, ...changes };
}

const CHAIN = kept(workflow([next("START", "a"), next("a", "b"), next("b", "END")], ["topic", "a"]));

test("a turn is answered with what comes next", async () => {
  const input = { topic: "otters" };
  expect(await backend.decision(backend.enqueueTurn({ definition: CHAIN, input }))).toEqual({
    kind: "run",
    runs: [{ run: 1, node: "a", iteration: 1, state: input }],
  });
  const runs = [ended({ output: { a: "A" } })];
  expect(await backend.decision(backend.enqueueTurn({ definition: CHAIN, input, runs }))).toEqual({
    kind: "run",
    runs: [{ run: 2, node: "b", iteration: 1, state: { topic: "otters", a: "A" } }],
  });
});

test("the last turn is answered with the whole state, or with the failure and its node", async () => {
  const runs = [ended({ output: { a: "A" } }), ended({ run: 2, node: "b" })];
  expect(await backend.decision(backend.enqueueTurn({ definition: CHAIN, runs }))).toEqual({
    kind: "finish",
    output: { a: "A" },
  });
  const error = { code: "LLM_UNAVAILABLE", message: "nobody there" };
  const failed = [ended({ phase: "failed", output: null, error })];
  expect(await backend.decision(backend.enqueueTurn({ definition: CHAIN, runs: failed }))).toEqual({
    kind: "fail",
    error,
    node: "a",
  });
});

test("a definition that was not validated fails the execution instead of being leased for ever", async () => {
  const definition = kept(workflow([next("START", "a"), routes("a", { "a ==": "END" })]));
  expect(await backend.decision(backend.enqueueTurn({ definition, runs: [ended({})] }))).toMatchObject({
    kind: "fail",
    node: null,
    error: { code: "INTERNAL" },
  });
  expect(runner.lines).toContainEqual(expect.stringMatching(/^ERROR this is a bug: /));
});

test("an agent on the queue of workflows fails", async () => {
  const id = backend.enqueue({ definition: null });
  expect(await backend.outcome(id)).toMatchObject({ phase: "failed", error: { code: "INTERNAL" } });
});
