import type { ExecutionEvent, Json, NodeTask, Outcome } from "@stigmer/agent-runner/protocol";
import { expect, test } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { AppError } from "../../src/errors.ts";
import { model, runRequest, type WorkflowChanges } from "../support/engine-rig.ts";
import { answerNode, inStages } from "../support/scripted-flow.ts";
import { type Behaviour, type Decide, event, untilAborted, workUntilStopped } from "../support/scripted-worker.ts";

/** An engine with nothing in it, and hands to feed it. */
export interface WorkflowWorld extends AsyncDisposable {
  engine: Engine;
  applyAgent(name: string, spec?: { [key: string]: Json }): void;
  applyWorkflow(name: string, changes: WorkflowChanges): void;
  secrets: { [name: string]: string };
  /** Starts a worker for nodes and one for turns, which end with the world, and tells the executions that each took. */
  work(
    decide: Decide,
    runNode: Behaviour<NodeTask>,
    options?: { concurrency?: number },
  ): { nodes: string[]; turns: string[] };
}

const NO_TOKENS = { input: 0, output: 0 };
const never = new AbortController().signal;

/** What every engine promises of workflows, whatever it is made of (engine.md §3, §4). */
export function describeWorkflowContract(createWorld: () => Promise<WorkflowWorld>): void {
  test("a chain of nodes passes the state on, each node begins and ends once, and the state is the output", async () => {
    await using world = await createWorld();
    world.applyWorkflow("chain", { nodes: { a: {}, b: {} } });
    world.work(inStages(["a"], ["b"]), answerNode);
    const id = await world.engine.run(workflowRequest("chain"));
    const events = await follow(world.engine, id);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.map(({ type, data }) => `${type} ${JSON.stringify(data)}`)).toEqual([
      'execution.queued {"kind":"workflow","name":"chain"}',
      'execution.started {"models":[{"provider":"scripted","model":null}]}',
      'node.started {"node":"a","iteration":1}',
      'step.started {"kind":"model","node":"a"}',
      'message.completed {"text":"a of 0","node":"a"}',
      'node.completed {"node":"a","iteration":1,"ok":true,"output":{"a":"a of 0"}}',
      'node.started {"node":"b","iteration":1}',
      'step.started {"kind":"model","node":"b"}',
      'message.completed {"text":"b of 1","node":"b"}',
      'node.completed {"node":"b","iteration":1,"ok":true,"output":{"b":"b of 1"}}',
      'execution.succeeded {"output":{"a":"a of 0","b":"b of 1"}}',
    ]);
  });

  test("show has the node runs with their steps, times and tokens, and the tokens of all together", async () => {
    await using world = await createWorld();
    world.applyWorkflow("chain", { nodes: { a: {}, b: {} } });
    world.work(inStages(["a"], ["b"]), answerNode);
    const id = await world.engine.run(workflowRequest("chain"));
    await follow(world.engine, id);
    const detail = await world.engine.get(id);
    expect(detail).toMatchObject({ kind: "workflow", phase: "succeeded", tokens: { input: 6, output: 4 } });
    expect(detail.steps).toMatchObject([
      { run: 1, node: "a", step: 1, text: "a of 0" },
      { run: 2, node: "b", step: 1, text: "b of 1" },
    ]);
    expect(detail.nodes).toMatchObject([
      { run: 1, node: "a", phase: "succeeded", steps: 1, tokens: { input: 3, output: 2 }, output: { a: "a of 0" } },
      { run: 2, node: "b", phase: "succeeded", steps: 1, tokens: { input: 3, output: 2 } },
    ]);
    for (const { durationMs } of detail.nodes) expect(durationMs).toBeGreaterThanOrEqual(0);
  });

  test("a fork of 20 nodes runs all of them, and what comes after runs once, after all", async () => {
    await using world = await createWorld();
    const branches = Array.from({ length: 20 }, (_, index) => `n${index}`);
    world.applyWorkflow("fork", { nodes: Object.fromEntries([...branches, "join"].map((id) => [id, {}])) });
    const taken = world.work(inStages(branches, ["join"]), answerNode);
    const id = await world.engine.run(workflowRequest("fork"));
    const events = await follow(world.engine, id);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    const nodes = (type: string) => events.filter((one) => one.type === type).map(({ data }) => data["node"]);
    expect(nodes("node.started")).toHaveLength(21);
    expect(nodes("node.completed").toSorted()).toEqual([...branches, "join"].toSorted());
    expect(nodes("node.started").at(-1)).toBe("join");
    expect(taken.nodes).toHaveLength(21);
    expect(await world.engine.get(id)).toMatchObject({ output: { join: "join of 20" } });
  });

  test("the branches of a fork run at the same time", async () => {
    await using world = await createWorld();
    world.applyWorkflow("fork", { nodes: { a: {}, b: {} } });
    let running = 0;
    const both = new AbortController();
    world.work(inStages(["a", "b"]), async (task, hands) => {
      running += 1;
      if (running === 2) both.abort();
      await untilAborted(both.signal);
      return answerNode(task, hands);
    });
    const id = await world.engine.run(workflowRequest("fork"));
    expect((await follow(world.engine, id)).at(-1)?.type).toBe("execution.succeeded");
  });

  test("a node that fails fails the execution with its name, later nodes are not begun, the others are put down", async () => {
    await using world = await createWorld();
    world.applyWorkflow("fork", { nodes: { good: {}, bad: {}, after: {} } });
    const error = { code: "EXECUTION_FAILED", message: "no such thing" };
    const begun: string[] = [];
    const stopped = new AbortController();
    world.work(inStages(["good", "bad"], ["after"]), async (task, hands) => {
      begun.push(task.node);
      if (task.node === "bad") return { phase: "failed", error, tokens: NO_TOKENS };
      await untilAborted(hands.stopped);
      stopped.abort();
      return { phase: "cancelled" };
    });
    const id = await world.engine.run(workflowRequest("fork"));
    const events = await follow(world.engine, id);
    expect(events.at(-1)).toMatchObject({ type: "execution.failed", data: { error, node: "bad" } });
    expect(ends(events)).toHaveLength(1);
    await untilAborted(stopped.signal);
    expect(begun.toSorted()).toEqual(["bad", "good"]);
    const { nodes } = await world.engine.get(id);
    expect(nodes.map(({ node, phase }) => [node, phase])).toEqual([
      ["good", "cancelled"],
      ["bad", "failed"],
    ]);
    expect(nodes[1]?.error).toEqual(error);
  });

  test("cancelling reaches every node that runs, and ends the execution once, when the last was put down", async () => {
    await using world = await createWorld();
    world.applyWorkflow("fork", { nodes: { a: {}, b: {}, c: {} } });
    let running = 0;
    const put: string[] = [];
    world.work(inStages(["a", "b", "c"]), async (task, hands) => {
      running += 1;
      const outcome = await workUntilStopped(task, hands);
      put.push(task.node);
      return outcome;
    });
    const id = await world.engine.run(workflowRequest("fork"));
    await expect.poll(() => running, { timeout: 10_000 }).toBe(3);
    expect(await world.engine.cancel(id)).toBe("cancelled");
    expect(put.toSorted()).toEqual(["a", "b", "c"]);
    expect(ends(await follow(world.engine, id))).toEqual(["execution.cancelled"]);
    expect((await world.engine.get(id)).nodes.map(({ phase }) => phase)).toEqual([
      "cancelled",
      "cancelled",
      "cancelled",
    ]);
  });

  test("a node that does not stop cannot keep its workflow from being cancelled", async () => {
    await using world = await createWorld();
    world.applyWorkflow("one", { nodes: { a: {} } });
    const end = new AbortController();
    let running = false;
    world.work(inStages(["a"]), async () => {
      running = true;
      await untilAborted(end.signal);
      return { phase: "succeeded", output: { a: "too late" }, tokens: NO_TOKENS };
    });
    const id = await world.engine.run(workflowRequest("one"));
    await expect.poll(() => running, { timeout: 10_000 }).toBe(true);
    expect(await world.engine.cancel(id)).toBe("cancelled");
    end.abort();
    expect(await world.engine.get(id)).toMatchObject({ phase: "cancelled", output: null });
  });

  test("a workflow that waits for nobody is cancelled at once and given to nobody", async () => {
    await using world = await createWorld();
    world.applyWorkflow("one", { nodes: { a: {} } });
    const id = await world.engine.run(workflowRequest("one"));
    expect(await world.engine.cancel(id)).toBe("cancelled");
    const taken = world.work(inStages(["a"]), answerNode);
    const other = await world.engine.run(workflowRequest("one"));
    await follow(world.engine, other);
    expect(taken.nodes).toEqual([`${other}/1`]);
    expect(new Set(taken.turns)).toEqual(new Set([other]));
  });

  test("a workflow over its time ends timed_out, by the smallest of the limits", async () => {
    await using world = await createWorld();
    world.applyWorkflow("slow", { nodes: { a: {} }, timeoutSeconds: 0.1 });
    world.work(inStages(["a"]), workUntilStopped);
    const id = await world.engine.run(workflowRequest("slow", { timeoutMs: 60_000 }));
    expect(ends(await follow(world.engine, id))).toEqual(["execution.timed_out"]);
    expect(await world.engine.get(id)).toMatchObject({ phase: "timed_out", error: { code: "EXECUTION_TIMED_OUT" } });
  });

  test("inputs are values of their fields' types and begin the state", async () => {
    await using world = await createWorld();
    world.applyWorkflow("typed", {
      nodes: { a: {} },
      fields: { count: field("int"), scores: LIST_OF_INT, topic: field("str") },
    });
    const seen: Json[] = [];
    world.work(inStages(["a"]), async (task, hands) => {
      seen.push(task.state);
      return answerNode(task, hands);
    });
    const input = { count: "3", scores: "[1,2]", topic: "7" };
    const id = await world.engine.run(workflowRequest("typed", { input }));
    await follow(world.engine, id);
    expect(seen).toEqual([{ count: 3, scores: [1, 2], topic: "7" }]);
    expect((await world.engine.get(id)).input).toEqual({ count: 3, scores: [1, 2], topic: "7" });
  });

  test.for([
    [{ count: "many", topic: "x" }, ["count"]],
    [{ scores: "[1,", topic: "x" }, ["scores"]],
    [{ topc: "x", topic: "x" }, ["topc", "did you mean topic"]],
    [{ count: "1" }, ["topic"]],
    [{ count: "x", scores: "y" }, ["count", "scores", "topic"]],
  ] as const)("the inputs %j are a usage error that names %j, and nothing is queued", async ([input, named]) => {
    await using world = await createWorld();
    const topic = { ...field("str"), required: true };
    world.applyWorkflow("typed", { nodes: { a: {} }, fields: { count: field("int"), scores: LIST_OF_INT, topic } });
    const error = await failure(world.engine.run(workflowRequest("typed", { input })));
    expect(error.code).toBe("USAGE");
    for (const name of named) expect(`${error.message} ${error.detail}`).toContain(name);
    expect(world.engine.depth()).toEqual({ queued: 0, running: 0 });
  });

  test("what is for agents alone is refused", async () => {
    await using world = await createWorld();
    world.applyWorkflow("one", { nodes: { a: {} } });
    for (const changes of [{ message: "hi" }, { sessionId: "s" }]) {
      expect(await failure(world.engine.run(workflowRequest("one", changes)))).toMatchObject({ code: "USAGE" });
    }
  });

  test("an unknown workflow is NOT_FOUND with the nearest name", async () => {
    await using world = await createWorld();
    world.applyWorkflow("article-writer", { nodes: { a: {} } });
    const error = await failure(world.engine.run(workflowRequest("artcle-writer")));
    expect(error).toMatchObject({ code: "NOT_FOUND", message: expect.stringContaining("article-writer") });
  });

  test("keys and variables that a node or its agent will need are asked for before anything is queued", async () => {
    await using world = await createWorld();
    world.applyAgent("helper", { env: [{ name: "TOKEN", secret: true, required: true }] });
    world.applyWorkflow("keyed", { nodes: { a: { llm: model({ provider: "anthropic", name: "claude" }) } } });
    world.applyWorkflow("helped", { nodes: { a: { agent: "helper", prompt: null } } });
    const key = await failure(world.engine.run(workflowRequest("keyed")));
    expect(key).toMatchObject({ code: "LLM_UNAVAILABLE", message: expect.stringContaining("ANTHROPIC_API_KEY") });
    const variable = await failure(world.engine.run(workflowRequest("helped")));
    expect(variable).toMatchObject({ code: "USAGE", message: expect.stringContaining("TOKEN") });
    expect(world.engine.depth()).toEqual({ queued: 0, running: 0 });
  });

  test("a node gets the keys that it needs and no others", async () => {
    await using world = await createWorld();
    Object.assign(world.secrets, { ANTHROPIC_API_KEY: "key-a", OPENAI_API_KEY: "key-o", SERPER_API_KEY: "key-s" });
    world.applyWorkflow("keyed", {
      nodes: {
        a: { llm: model({ provider: "anthropic", name: "claude" }) },
        o: { llm: model({ provider: "openai", name: "gpt" }), tools: [{ name: "web_search", on_error: "fail" }] },
      },
    });
    const keys: { [node: string]: Json } = {};
    world.work(inStages(["a", "o"]), async (task, hands) => {
      keys[task.node] = task.keys;
      return answerNode(task, hands);
    });
    await follow(world.engine, await world.engine.run(workflowRequest("keyed")));
    expect(keys).toEqual({
      a: { ANTHROPIC_API_KEY: "key-a" },
      o: { OPENAI_API_KEY: "key-o", SERPER_API_KEY: "key-s" },
    });
  });

  test("a secret of any node is in no event, output or error, whichever node tells it", async () => {
    await using world = await createWorld();
    Object.assign(world.secrets, { TOKEN: "hunter2-secret" });
    world.applyAgent("helper", { env: [{ name: "TOKEN", secret: true, required: true }] });
    world.applyWorkflow("leak", { nodes: { a: { agent: "helper", prompt: null }, b: {} } });
    const environments: Json[] = [];
    world.work(inStages(["a"], ["b"]), async ({ node, environment }, { deliver }): Promise<Outcome> => {
      environments.push(environment);
      await deliver(event(1, 0, "message.completed", { text: "it is hunter2-secret!" }));
      return { phase: "succeeded", output: { [node]: "hunter2-secret" }, tokens: NO_TOKENS };
    });
    const id = await world.engine.run(workflowRequest("leak"));
    const events = await follow(world.engine, id);
    expect(environments).toEqual([{ TOKEN: "hunter2-secret" }, {}]);
    const told = JSON.stringify([events, await world.engine.get(id)]);
    expect(told).toContain("it is ***!");
    expect(told).not.toContain("hunter2");
  });

  test("an execution keeps the workflow and the agents that it began with", async () => {
    await using world = await createWorld();
    world.applyAgent("helper", { instructions: "old agent" });
    world.applyWorkflow("kept", { nodes: { a: { agent: "helper", prompt: null, description: "old node" } } });
    const id = await world.engine.run(workflowRequest("kept"));
    world.applyAgent("helper", { instructions: "new agent" });
    world.applyWorkflow("kept", { nodes: { a: { prompt: "new node" } } });
    const seen: string[] = [];
    world.work(
      (task) => {
        seen.push(JSON.stringify(task.definition));
        return inStages(["a"])(task);
      },
      async (task, hands) => {
        seen.push(JSON.stringify(task.definition));
        return answerNode(task, hands);
      },
    );
    await follow(world.engine, id);
    expect(seen.length).toBeGreaterThan(2);
    for (const definition of seen) {
      expect(definition).toContain("old agent");
      expect(definition).toContain("old node");
      expect(definition).not.toContain("new ");
    }
  });

  test("a wide fork does not keep another execution waiting until all of it is through", async () => {
    await using world = await createWorld();
    const branches = Array.from({ length: 12 }, (_, index) => `n${index}`);
    world.applyWorkflow("wide", { nodes: Object.fromEntries(branches.map((id) => [id, {}])) });
    world.applyWorkflow("small", { nodes: { a: {} }, fields: { size: field("str") } });
    const goOn = new AbortController();
    let begun = 0;
    const taken = world.work(
      (task) => (task.input["size"] === "small" ? inStages(["a"]) : inStages(branches))(task),
      async (task, hands) => {
        begun += 1;
        await untilAborted(goOn.signal);
        return answerNode(task, hands);
      },
      { concurrency: 2 },
    );
    const wide = await world.engine.run(workflowRequest("wide"));
    await expect.poll(() => begun, { timeout: 10_000 }).toBe(2);
    const small = await world.engine.run(workflowRequest("small", { input: { size: "small" } }));
    // Once its turn is over, its node waits behind ten others.
    await expect.poll(async () => (await world.engine.get(small)).nodes.length, { timeout: 10_000 }).toBe(1);
    goOn.abort();
    await Promise.all([follow(world.engine, wide), follow(world.engine, small)]);
    expect(taken.nodes.slice(0, 5)).toContain(`${small}/1`);
  });
}

const LIST_OF_INT = { ...field("str"), type: { kind: "list", item: { kind: "int" } } };

function field(kind: string): { [key: string]: Json } {
  return { type: { kind }, required: false, description: null, default: null };
}

function workflowRequest(name: string, changes: Parameters<typeof runRequest>[1] = {}) {
  return runRequest(name, { kind: "workflow", ...changes });
}

async function follow(engine: Engine, id: string): Promise<ExecutionEvent[]> {
  const events: ExecutionEvent[] = [];
  for await (const one of engine.events(id, { afterSeq: 0, follow: true, signal: never })) events.push(one);
  return events;
}

function ends(events: ExecutionEvent[]): string[] {
  const types = events.map(({ type }) => String(type));
  return types.filter((type) => /^execution\.(succeeded|failed|cancelled|timed_out)$/.test(type));
}

async function failure(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => new Error("it did not fail"),
    (reason: unknown) => reason,
  );
  if (error instanceof AppError) return error;
  throw error;
}
