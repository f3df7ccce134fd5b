import type { ExecutionEvent } from "./counted-agent.ts";
import type { Subject } from "./subject.ts";

const DEFINITION = "data/workspace/counted-workflow.yaml";
const TERMINAL = /^execution\.(succeeded|failed|cancelled|timed_out)$/;

/** Node runs in the order in which they may begin; those of one line begin at once. */
const STAGES = [["first 1"], ["left 1", "middle 1", "right 1"], ["join 1"], ["polish 1"], ["polish 2"], ["polish 3"]];

/**
 * Starts a stack that knows the workflow `counted`: a node, a fork of three, their join and a loop of three rounds.
 * Every run has two model calls of 100 ms and a tool call of 200 ms that leaves its number in a file.
 */
export async function startWithCountedWorkflow(subject: Subject): Promise<string[]> {
  subject.rig.write(DEFINITION, JSON.stringify(definition()));
  const problems: string[] = [];
  for (const args of [
    ["server", "start"],
    ["apply", "-f", subject.rig.path(DEFINITION)],
  ]) {
    const { exitCode, text } = await subject.tell(args);
    if (exitCode !== 0) problems.push(`${args.join(" ")} exited ${exitCode}: ${text}`);
  }
  return problems;
}

/** What its last event must say. */
export const FINAL_STATE = { first: "done", left: "done", middle: "done", right: "done", join: "done", good: true };

/**
 * In what way an execution of it broke its promises: numbers without a gap, one end, each run begun and ended once and
 * after those it waits for, each finished tool call done once.
 */
export function faultsOfWorkflow(subject: Subject, events: readonly ExecutionEvent[]): string[] {
  const problems: string[] = [];
  if (events.some(({ seq }, index) => seq !== index + 1)) {
    problems.push(`the numbers are ${events.map(({ seq }) => seq)}`);
  }
  const ends = events.filter(({ type }) => TERMINAL.test(type));
  if (ends.length !== 1 || ends[0]?.type !== "execution.succeeded" || events.at(-1) !== ends[0]) {
    problems.push(
      `it ended with ${ends.map(({ type, data }) => `${type} ${JSON.stringify(data)}`).join() || "nothing"}`,
    );
  }
  const output = JSON.stringify(ends[0]?.data["output"]);
  if (output !== JSON.stringify(FINAL_STATE)) problems.push(`the final state is ${output}`);
  return [...problems, ...faultsOfOrder(events), ...faultsOfEffects(subject, events)];
}

function faultsOfOrder(events: readonly ExecutionEvent[]): string[] {
  const told = (type: string): string[] =>
    events.filter((event) => event.type === type).map(({ data }) => `${data["node"]} ${data["iteration"]}`);
  const problems: string[] = [];
  for (const type of ["node.started", "node.completed"]) {
    const runs = told(type);
    const rest = [...runs];
    const seen = STAGES.flatMap((stage) => rest.splice(0, stage.length).toSorted());
    const wanted = STAGES.flatMap((stage) => stage.toSorted());
    if (rest.length > 0 || seen.join() !== wanted.join()) problems.push(`${type} came for ${runs.join(", ")}`);
  }
  return problems;
}

function faultsOfEffects(subject: Subject, events: readonly ExecutionEvent[]): string[] {
  const problems: string[] = [];
  const written = subject.rig.has("data", "workspace", "effects")
    ? subject.rig.read("data", "workspace", "effects").split("\n").filter(Boolean)
    : [];
  const countOf = (effect: string): number => written.filter((line) => line === effect).length;
  for (const effect of new Set(written)) {
    if (countOf(effect) > 1) problems.push(`the tool call ${effect} ran ${countOf(effect)} times`);
  }
  const under = new Map<string, string>();
  const finished: string[] = [];
  for (const { type, data } of events) {
    const call = `${data["node"]} ${data["callId"]}`;
    if (type === "tool.started") under.set(call, /echo ([\w-]+)/.exec(JSON.stringify(data["arguments"]))?.[1] ?? "");
    if (type === "tool.completed" && data["ok"] === true) finished.push(under.get(call) ?? "");
  }
  for (const effect of finished) {
    if (countOf(effect) !== 1) problems.push(`the finished call ${effect} ran ${countOf(effect)} times`);
  }
  if (new Set(finished).size !== finished.length) problems.push(`a call was finished twice: ${finished}`);
  return problems;
}

function definition(): object {
  const str = { type: "str" };
  const fields = { first: str, left: str, middle: str, right: str, join: str, good: { type: "bool", default: false } };
  const single = ["first", "left", "middle", "right", "join"];
  return {
    schema_version: "1.0",
    flow: { name: "counted" },
    state: { fields },
    nodes: [
      ...single.map((id) => ({ ...node(id, [tool(`${id}-1`), { text: "done" }]), outputs: [id] })),
      {
        ...node(
          "polish",
          [1, 2, 3].flatMap((round) => [tool(`polish-${round}`), { object: { good: round === 3 } }]),
        ),
        output_schema: { type: "object", fields: [{ name: "good", type: "bool" }] },
        outputs: ["good"],
      },
    ],
    edges: [
      { from: "START", to: "first" },
      { from: "first", to: ["left", "middle", "right"] },
      ...["left", "middle", "right"].map((from) => ({ from, to: "join" })),
      { from: "join", to: "polish" },
      { from: "polish", loop: { max_iterations: 5, condition_field: "good", exit_to: "END" } },
    ],
  };
}

function node(id: string, script: object[]): object {
  const llm = { provider: "scripted", script, delay_ms: 100 };
  return { id, prompt: "Count.", tools: [{ name: "shell", on_error: "continue" }], llm };
}

function tool(effect: string): object {
  const command = `echo ${effect} >> effects; sleep 0.2`;
  return { text: "", tool_calls: [{ tool: "shell", arguments: { command } }] };
}
