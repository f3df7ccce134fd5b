import type { ExecutionEvent, NodeTask } from "@stigmer/agent-runner/protocol";
import { expect, test } from "vitest";
import { handle as showExecution } from "../../../src/cli/commands/execution/show.ts";
import { type RunOptions, handle as run } from "../../../src/cli/commands/run.ts";
import { AppError } from "../../../src/errors.ts";
import { type CommandRigOptions, type CommandRun, runHandler } from "../../support/command-rig.ts";
import { type EngineApi, startEngineApi } from "../../support/engine-api.ts";
import { applyWorkflow, readAll } from "../../support/engine-rig.ts";
import { answerNode, inStages } from "../../support/scripted-flow.ts";
import {
  type Behaviour,
  event,
  startScriptedInterpreter,
  startScriptedWorker,
  untilAborted,
  workUntilStopped,
} from "../../support/scripted-worker.ts";

const TOKENS = { input: 0, output: 0 };

test("stdout has the final state as JSON and nothing else; nodes, tools and the id are on stderr", async () => {
  await using api = await startWorkflow(async (task, hands) => {
    if (task.node === "b") {
      await hands.deliver(
        event(2, 0, "tool.started", { node: "b", tool: "shell", callId: "1", arguments: { command: "date" } }),
        event(2, 1, "tool.completed", { node: "b", tool: "shell", callId: "1", ok: false, output: "exit 1" }),
        event(2, 2, "step.retried", { node: "b", attempt: 2, reason: "no JSON" }),
      );
    }
    return answerNode(task, hands);
  });
  const { stdout, stderr, result, error } = await runWorkflow(api);
  expect(JSON.parse(stdout)).toEqual({ topic: "bees", a: "a of 1", b: "b of 2" });
  expect([result, error]).toEqual([null, null]);
  const lines = stderr
    .replaceAll(/after [\d.]+ m?s/g, "after T")
    .trim()
    .split("\n");
  expect(lines[0]).toMatch(/^Execution ID: [\w-]+$/);
  expect(lines.slice(1)).toEqual([
    "Scripted model: the answers come from the definition, no model is asked",
    "a started",
    "a done after T",
    "b started",
    'b: shell {"command":"date"}',
    "b: shell failed: exit 1",
    "b: Trying again (attempt 2): no JSON",
    "b done after T",
  ]);
});

test("a terminal shows the words of a node as they come; those of one that speaks meanwhile follow whole", async () => {
  const told = new AbortController();
  await using api = await startWorkflow(
    async (task, hands) => {
      const say = (index: number, text: string) => event(1, index, "message.delta", { node: task.node, text });
      if (task.node === "a") {
        await hands.deliver(say(0, "one "));
        await untilAborted(told.signal);
        await hands.deliver(say(1, "two"), event(1, 2, "message.completed", { node: "a", text: "one two" }));
      } else {
        await expect.poll(async () => (await readAll(api.rig, task.executionId)).length).toBeGreaterThan(4);
        await hands.deliver(say(0, "other words"));
        told.abort();
        await hands.deliver(event(1, 1, "message.completed", { node: "b", text: "other words" }));
      }
      return { phase: "succeeded", output: { [task.node]: "x" }, tokens: TOKENS };
    },
    [["a", "b"]],
  );
  const { stdout, stderr } = await runWorkflow(api, {}, { terminal: true });
  expect(stderr).toContain("other words\n");
  expect(stderr.indexOf("one ")).toBeLessThan(stderr.indexOf("other words"));
  expect(stdout).not.toContain("words");
});

test("--json prints the events that are stored, one a line", async () => {
  await using api = await startWorkflow(answerNode);
  const { stdout, error } = await runWorkflow(api, {}, { json: true });
  const records = stdout
    .trim()
    .split("\n")
    .map((line): ExecutionEvent => JSON.parse(line));
  expect(error).toBeNull();
  const stored = await readAll(api.rig, records[0]?.executionId ?? "");
  expect(records.map(({ seq, type }) => `${seq} ${type}`)).toEqual(stored);
});

test("a node that fails is named in the error, and stdout stays empty", async () => {
  const error = { code: "LLM_UNAVAILABLE", message: "nobody answers" };
  await using api = await startWorkflow(async () => ({ phase: "failed", error, tokens: TOKENS }));
  const failed = await runWorkflow(api);
  expect(failed.error).toMatchObject({ code: "EXECUTION_FAILED", detail: "LLM_UNAVAILABLE" });
  expect(failed.error?.message).toBe("The node a failed: nobody answers");
  expect(failed.stdout).toBe("");
  expect(failed.stderr).toMatch(/a failed after .*: nobody answers/);
});

test("Ctrl-C cancels the workflow with the node that runs", async () => {
  await using api = await startWorkflow(workUntilStopped);
  const user = new AbortController();
  const onWrite = (_stdout: string, stderr: string): void => {
    if (stderr.includes("a started")) user.abort(new AppError("INTERRUPTED", "Interrupted by SIGINT"));
  };
  const { result, error, stderr } = await runWorkflow(api, {}, { signal: user.signal, onWrite });
  expect([result, error]).toEqual([null, null]);
  expect(stderr).toContain("Execution cancelled");
});

test("a server that dies in the middle is waited for, and every node is told of once", async () => {
  const goOn = new AbortController();
  await using api = await startWorkflow(async (task, hands) => {
    if (task.node === "b") await untilAborted(goOn.signal);
    return answerNode(task, hands);
  });
  let died: Promise<void> | null = null;
  const onWrite = (_stdout: string, stderr: string): void => {
    if (stderr.includes("b started")) died ??= api.die();
    if (stderr.includes("The server died") && !goOn.signal.aborted) {
      goOn.abort();
      void died?.then(() => api.listen());
    }
  };
  const { stdout, stderr, error } = await runWorkflow(api, {}, { onWrite });
  expect(error).toBeNull();
  expect(JSON.parse(stdout)).toMatchObject({ b: "b of 2" });
  expect(stderr.match(/^[ab] (started|done)/gm)).toEqual(["a started", "a done", "b started", "b done"]);
});

test.for([
  [{ message: "x" }, "-m is for agents"],
  [{ session: "s" }, "--session is for agents"],
  [{ input: ["topic"] }, "FIELD=VALUE"],
  [{ input: ["=x"] }, "FIELD=VALUE"],
] as const)("%j is a usage error that starts nothing", async ([options, message]) => {
  const { error } = await runHandler(run, { ...DEFAULTS, workflow: "two", ...copy(options) });
  expect(error).toMatchObject({ code: "USAGE", message: expect.stringContaining(message) });
});

test("a wrong, unknown or missing input is a usage error that names the field, before anything is printed", async () => {
  await using api = await startWorkflow(answerNode);
  for (const [input, name] of [
    [["topic=x", "count=many"], "count"],
    [["topic=x", "tpic=y"], "tpic"],
    [[], "topic"],
  ] as const) {
    const { error, stdout, stderr } = await runWorkflow(api, { input: [...input] });
    expect(error).toMatchObject({ code: "USAGE", message: expect.stringContaining(name) });
    expect([stdout, stderr]).toEqual(["", ""]);
  }
});

test("execution show tells the nodes with their times, steps and tokens", async () => {
  await using api = await startWorkflow(answerNode);
  const detached = await runWorkflow(api, { detach: true });
  const id = detached.result?.text ?? "";
  await expect.poll(async () => (await api.rig.engine.get(id)).phase, { timeout: 10_000 }).toBe("succeeded");
  const shown = await runHandler(showExecution, { id, start: false }, { paths: api.paths });
  const text = shown.result?.text?.replaceAll(/\d+ ms/g, "T") ?? "";
  expect(text).toMatch(/NODE +PHASE +TIME +STEPS +TOKENS\na +succeeded +T +1 +3 in, 2 out\nb +succeeded/);
  expect(shown.result?.data).toMatchObject({ execution: { nodes: [{ node: "a" }, { node: "b" }] } });
});

const DEFAULTS: RunOptions = { input: [], env: [], detach: false, timeoutMs: null, start: false };

/** An API with the workflow `two` and workers that do this. */
async function startWorkflow(runNode: Behaviour<NodeTask>, stages: string[][] = [["a"], ["b"]]): Promise<EngineApi> {
  const api = await startEngineApi();
  const field = (kind: string, required: boolean) => ({ type: { kind }, required, description: null, default: null });
  const fields = { topic: field("str", true), count: field("int", false) };
  applyWorkflow(api.rig, "two", { nodes: { a: {}, b: {} }, fields });
  const workers = [
    startScriptedWorker(api.rig.runner, () => Promise.reject(new Error("there is no agent")), { runNode }),
    startScriptedInterpreter(api.rig.runner, inStages(...stages)),
  ];
  const dispose = api[Symbol.asyncDispose];
  return Object.assign(api, {
    async [Symbol.asyncDispose]() {
      for (const worker of workers) await worker[Symbol.asyncDispose]();
      await dispose();
    },
  });
}

function runWorkflow(
  api: EngineApi,
  options: Partial<RunOptions> = {},
  rig: CommandRigOptions = {},
): Promise<CommandRun> {
  return runHandler(
    run,
    { ...DEFAULTS, workflow: "two", input: ["topic=bees"], ...options },
    { paths: api.paths, ...rig },
  );
}

function copy(options: Readonly<Record<string, string | readonly string[]>>): Partial<RunOptions> {
  return structuredClone(options);
}
