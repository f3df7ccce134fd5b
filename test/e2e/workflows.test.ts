import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { ExecutionEvent } from "@stigmer/agent-runner/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FakeModel } from "../support/fake-model.ts";
import { RunningCommand } from "../support/running-command.ts";
import { docker, StackRig } from "../support/stack-rig.ts";

/** A cancelled run has 2 s to end; the rest is a machine that is busy with other tests. */
const CANCEL_LIMIT_MS = 5_000;

const EXAMPLES = new URL("../../examples", import.meta.url).pathname;

type Node = { [key: string]: unknown };

describe("workflows in a stack with its container", () => {
  const rig = new StackRig();

  beforeAll(async () => {
    const { exitCode, stderr } = await rig.run(["server", "start"]);
    expect(exitCode, stderr).toBe(0);
  });

  afterAll(async () => {
    expect(await rig.dispose()).toEqual([]);
  });

  async function apply(definition: object): Promise<void> {
    const { exitCode, stderr } = await rig.run(["apply", "-f", "-"], { input: JSON.stringify(definition) });
    expect(exitCode, stderr).toBe(0);
  }

  const run = (name: string, ...args: string[]) => rig.run(["run", "--workflow", name, ...args]);
  const attach = (name: string, ...args: string[]): RunningCommand =>
    new RunningCommand(rig.spawn(["run", "--workflow", name, ...args]));

  async function eventsOf(id: string): Promise<ExecutionEvent[]> {
    const { envelope } = await rig.json<{ events: ExecutionEvent[] }>(["execution", "events", id]);
    return envelope.data.events;
  }

  const lines = (file: string): string[] =>
    rig.has("data", "workspace", file) ? rig.read("data", "workspace", file).trimEnd().split("\n") : [];

  test("a chain passes its state on, prints each node and the final state, and asks each node once", async () => {
    const model = await FakeModel.start([{ text: "about bees" }, { text: "an article" }]);
    const fields = { topic: { type: "str", required: true }, notes: { type: "str" }, article: { type: "str" } };
    const llm = { provider: "openai-compatible", model: "fake", base_url: model.url };
    await apply({
      ...workflow("chain", fields, [
        { id: "research", prompt: "Research {topic}.", outputs: ["notes"] },
        { id: "write", prompt: "Write from {state.notes}.", outputs: ["article"] },
      ]),
      edges: chain("research", "write"),
      config: { llm },
    });
    const { exitCode, stdout, stderr } = await run("chain", "-i", "topic=bees");
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ topic: "bees", notes: "about bees", article: "an article" });
    expect(stderr.match(/^(research|write) (started|done)/gm)).toEqual([
      "research started",
      "research done",
      "write started",
      "write done",
    ]);
    expect(JSON.stringify(model.requests[1]?.body.messages)).toContain("Write from about bees.");
    expect(model.requests).toHaveLength(2);
    await model.stop();
  });

  test("a fork runs all its branches and the join runs once after them; --json and show have the same events", async () => {
    await apply({
      ...workflow("fork", { a: STR, b: STR, c: STR, all: STR }, [
        ...["a", "b", "c"].map((id) => says(id, id.toUpperCase())),
        says("all", "joined"),
      ]),
      edges: [
        { from: "START", to: ["a", "b", "c"] },
        ...["a", "b", "c"].map((from) => ({ from, to: "all" })),
        { from: "all", to: "END" },
      ],
    });
    const { exitCode, stdout, stderr } = await run("fork", "--json");
    expect(exitCode, stderr).toBe(0);
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((line): ExecutionEvent => JSON.parse(line));
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    const started = events.filter(({ type }) => type === "node.started").map(({ data }) => data["node"]);
    expect([started.slice(0, 3).toSorted(), started.slice(3)]).toEqual([["a", "b", "c"], ["all"]]);
    expect(events.at(-1)?.data).toEqual({ output: { a: "A", b: "B", c: "C", all: "joined" } });
    const id = events[0]?.executionId ?? "";
    expect(await eventsOf(id)).toEqual(events);
    const shown = await rig.run(["execution", "show", id]);
    expect(shown.stdout).toMatch(/NODE +PHASE +TIME +STEPS +TOKENS/);
    expect(shown.stdout.match(/^(a|b|c|all) +succeeded/gm)).toHaveLength(4);
  });

  test.for([
    ["7", "high"],
    ["3", "low"],
  ] as const)("of a route the first true one wins, else the default: %s is %s", async ([score, node]) => {
    await apply({
      ...workflow("route", { score: { type: "int", required: true }, verdict: STR }, [
        { ...says("high", "high"), outputs: ["verdict"] },
        { ...says("low", "low"), outputs: ["verdict"] },
      ]),
      edges: [
        {
          from: "START",
          routes: [
            { condition: { logic: "default" }, to: "low" },
            { condition: { logic: "state.score > 5" }, to: "high" },
          ],
        },
        { from: "high", to: "END" },
        { from: "low", to: "END" },
      ],
    });
    const { exitCode, stdout, stderr } = await run("route", "-i", `score=${score}`);
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ score: Number(score), verdict: node });
  });

  test("a loop repeats its node until the field is true, and at most max_iterations times", async () => {
    const round = (done: boolean) => ({ object: { done } });
    const looping = (name: string, script: object[]) => ({
      ...workflow(name, { done: { type: "bool", default: false } }, [
        {
          id: "try",
          prompt: "Try.",
          output_schema: { type: "object", fields: [{ name: "done", type: "bool" }] },
          outputs: ["done"],
          llm: { provider: "scripted", script },
        },
      ]),
      edges: [
        { from: "START", to: "try" },
        { from: "try", loop: { max_iterations: 3, condition_field: "done", exit_to: "END" } },
      ],
    });
    await apply(looping("converging", [round(false), round(true)]));
    await apply(looping("endless", [round(false)]));
    const converging = await run("converging");
    expect(converging.stderr.match(/^try.* started$/gm)).toEqual(["try started", "try (2) started"]);
    expect(JSON.parse(converging.stdout)).toEqual({ done: true });
    const endless = await run("endless");
    expect(endless.stderr.match(/^try.* started$/gm)).toHaveLength(3);
    expect(JSON.parse(endless.stdout)).toEqual({ done: false });
  });

  test("an agent node runs the agent with its tools on its inputs and keeps its answer", async () => {
    await apply({
      apiVersion: "stigmer/v1",
      kind: "Agent",
      metadata: { name: "noter" },
      spec: {
        tools: ["shell"],
        model: { provider: "scripted", script: [shell("echo noted > by-agent"), { text: "the agent's answer" }] },
      },
    });
    await apply({
      ...workflow("with-agent", { topic: { type: "str", default: "x" }, answer: STR }, [
        { id: "ask", agent: "noter", inputs: { subject: "state.topic" }, outputs: ["answer"] },
      ]),
      edges: chain("ask"),
    });
    const { exitCode, stdout, stderr } = await run("with-agent");
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ topic: "x", answer: "the agent's answer" });
    expect(lines("by-agent")).toEqual(["noted"]);
    expect(stderr).toContain("ask: shell done");
  });

  test("a tool error goes back to the model with on_error continue, and fails the node without", async () => {
    const trying = (name: string, onError: object) => ({
      ...workflow(name, { text: STR, after: STR }, [
        {
          id: "read",
          prompt: "Read it.",
          outputs: ["text"],
          tools: [{ name: "file_read", ...onError }],
          llm: {
            provider: "scripted",
            script: [
              { text: "", tool_calls: [{ tool: "file_read", arguments: { path: "no-such-file" } }] },
              { text: "there is none" },
            ],
          },
        },
        says("after", "after"),
      ]),
      edges: chain("read", "after"),
    });
    await apply(trying("patient", { on_error: "continue" }));
    await apply(trying("strict", {}));
    expect(JSON.parse((await run("patient")).stdout)).toMatchObject({ text: "there is none", after: "after" });
    const strict = await run("strict");
    expect([strict.exitCode, strict.stdout]).toEqual([9, ""]);
    expect(strict.stderr).toContain("The node read failed");
    expect(strict.stderr).not.toContain("after started");
  });

  test("a node whose model keeps failing fails the execution with its name; later nodes are not asked", async () => {
    const model = await FakeModel.start([{ text: "one" }, { status: 400, error: "no such parameter: fancy" }]);
    const llm = { provider: "openai-compatible", model: "fake", base_url: model.url };
    await apply({
      ...workflow("failing", { a: STR, b: STR, c: STR }, [
        { id: "a", prompt: "A", outputs: ["a"] },
        { id: "b", prompt: "B", outputs: ["b"] },
        { id: "c", prompt: "C", outputs: ["c"] },
      ]),
      edges: chain("a", "b", "c"),
      config: { llm },
    });
    const { exitCode, stdout, stderr } = await run("failing");
    expect([exitCode, stdout]).toEqual([9, ""]);
    expect(stderr).toContain("The node b failed");
    expect(stderr).toContain("no such parameter: fancy");
    expect(model.requests).toHaveLength(2);
    const id = /Execution ID: ([\w-]+)/.exec(stderr)?.[1] ?? "";
    expect((await eventsOf(id)).at(-1)).toMatchObject({ type: "execution.failed", data: { node: "b" } });
    await model.stop();
  });

  test("inputs are parsed by type; a wrong, unknown or missing one is a usage error that names the field", async () => {
    const fields = { topic: { type: "str", required: true }, scores: { type: "list[int]" }, out: STR };
    await apply({ ...workflow("typed", fields, [says("out", "x")]), edges: chain("out") });
    const right = await run("typed", "-i", "topic=7", "-i", "scores=[1,2]");
    expect(JSON.parse(right.stdout)).toEqual({ topic: "7", scores: [1, 2], out: "x" });
    for (const [args, name] of [
      [["-i", "topic=x", "-i", "scores=many"], "scores"],
      [["-i", "topic=x", "-i", "tpic=x"], "tpic"],
      [[], "topic"],
    ] as const) {
      const { exitCode, envelope } = await rig.json(["run", "--workflow", "typed", ...args]);
      expect([exitCode, envelope.error?.code]).toEqual([2, "USAGE"]);
      expect(envelope.error?.message).toContain(name);
    }
    const message = await rig.json(["run", "--workflow", "typed", "-m", "hi"]);
    expect([message.exitCode, message.envelope.error?.code]).toEqual([2, "USAGE"]);
    const unknown = await rig.json(["run", "--workflow", "tped", "-i", "topic=x"]);
    expect([unknown.exitCode, unknown.envelope.error?.code]).toEqual([1, "NOT_FOUND"]);
    expect(unknown.envelope.error?.message).toContain("typed");
  });

  test("Ctrl-C cancels a workflow within 2 s, and of the commands of its branches no process is left", async () => {
    const mark = `600.${process.pid}7`;
    const sleeping = (id: string): Node => worker(id, [shell(`sleep ${mark}`), { text: id }]);
    await apply({
      ...workflow("sleepers", { a: STR, b: STR }, [sleeping("a"), sleeping("b")]),
      edges: [
        { from: "START", to: ["a", "b"] },
        { from: "a", to: "END" },
        { from: "b", to: "END" },
      ],
    });
    const running = attach("sleepers");
    await running.until("both tools", ({ stderr }) => stderr.split(`sleep ${mark}`).length === 3);
    await expect.poll(() => sleepers(mark).length, { timeout: 30_000 }).toBe(2);
    const interruptedMs = performance.now();
    expect(await running.interrupt()).toBe(130);
    expect(performance.now() - interruptedMs).toBeLessThan(CANCEL_LIMIT_MS);
    expect(sleepers(mark)).toEqual([]);
    const types = (await eventsOf(idOf(running))).map(({ type }) => type);
    expect(types.filter((type) => type.startsWith("execution.")).at(-1)).toBe("execution.cancelled");
  });

  test.for(["workflow-runner", "agent-runner", "server"] as const)(
    "the %s is killed mid-way: the run goes on, and finished nodes and steps are not done again",
    async (victim) => {
      // Each node leaves a line; the second waits until it is told to go on.
      const wait = `echo second >> ${victim}-done; while [ ! -e ${victim}-go ]; do sleep 0.05; done`;
      await apply({
        ...workflow("counted", { first: STR, second: STR, third: STR }, [
          worker("first", [shell(`echo first >> ${victim}-done`), { text: "1" }]),
          worker("second", [shell(wait), { text: "2" }]),
          worker("third", [shell(`echo third >> ${victim}-done`), { text: "3" }]),
        ]),
        edges: chain("first", "second", "third"),
      });
      const running = attach("counted");
      await running.until("the second tool", ({ stderr }) => stderr.includes("second: shell"));
      await expect.poll(() => lines(`${victim}-done`), { timeout: 30_000 }).toEqual(["first", "second"]);
      if (victim === "server") {
        process.kill(rig.pid("daemon"), "SIGKILL");
        await running.until("the news", ({ stderr }) => stderr.includes("The server died"));
        expect((await rig.run(["server", "start"])).exitCode).toBe(0);
      } else if (victim === "workflow-runner") process.kill(rig.pid("workflow-runner"), "SIGKILL");
      else process.kill(Number(await docker("inspect", "-f", "{{.State.Pid}}", rig.containerId())), "SIGKILL");
      writeFileSync(rig.path("data", "workspace", `${victim}-go`), "");
      expect(await running.ended, running.stderr).toBe(0);
      expect(JSON.parse(running.stdout)).toEqual({ first: "1", second: "2", third: "3" });
      expect(lines(`${victim}-done`)).toEqual(["first", "second", "third"]);
      const events = await eventsOf(idOf(running));
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
      const nodes = (type: string) => events.filter((event) => event.type === type).map(({ data }) => data["node"]);
      expect(nodes("node.started")).toEqual(["first", "second", "third"]);
      expect(nodes("node.completed")).toEqual(["first", "second", "third"]);
      expect(events.filter(({ type }) => type === "execution.succeeded")).toHaveLength(1);
    },
  );

  test("the examples run as they are", async () => {
    expect((await rig.run(["apply", "-f", EXAMPLES])).exitCode).toBe(0);
    for (const name of ["article-writer", "fork-join", "review-loop"]) {
      const { exitCode, stdout, stderr } = await run(name);
      expect(exitCode, stderr).toBe(0);
      expect(stderr).toContain("Scripted model");
      expect(stderr).not.toContain("Trying again");
      expect(Object.keys(JSON.parse(stdout)).length).toBeGreaterThan(2);
    }
  });
});

const STR = { type: "str" };

/** A workflow but for its edges, with a scripted model where a node says none. */
function workflow(name: string, fields: object, nodes: Node[]): { [key: string]: unknown } {
  return { schema_version: "1.0", flow: { name }, state: { fields }, nodes };
}

function chain(...nodes: string[]): object[] {
  return ["START", ...nodes].map((from, index) => ({ from, to: nodes[index] ?? "END" }));
}

/** A node that sets the field of its own name. */
function says(id: string, text: string): Node {
  return { id, prompt: `Say ${text}.`, outputs: [id], llm: { provider: "scripted", script: [{ text }] } };
}

function worker(id: string, script: object[]): Node {
  return { id, prompt: "Work.", outputs: [id], tools: ["shell"], llm: { provider: "scripted", script } };
}

function shell(command: string): object {
  return { text: "", tool_calls: [{ tool: "shell", arguments: { command } }] };
}

function idOf(run: RunningCommand): string {
  return /Execution ID: ([\w-]+)/.exec(run.stderr)?.[1] ?? "";
}

/** Processes of `sleep` with this argument, in whatever container. */
function sleepers(mark: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, "utf8") === `sleep\0${mark}\0`;
      } catch {
        return false; // It ended while we looked.
      }
    })
    .map(Number);
}
