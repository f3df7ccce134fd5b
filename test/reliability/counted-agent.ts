import { readFileSync } from "node:fs";
import type { Subject } from "./subject.ts";

export interface ExecutionEvent {
  type: string;
  seq: number;
  data: { [name: string]: unknown };
}

/** Tool calls of the agent; each leaves its number in a file that is counted from outside. */
export const EFFECTS = 6;

const DEFINITION = "data/workspace/counted.yaml";
const TERMINAL = /^execution\.(succeeded|failed|cancelled|timed_out)$/;

/** Starts a stack that knows the agent `counted`: model calls of 150 ms, tool calls of 200 ms that leave a line each. */
export async function startWithCountedAgent(subject: Subject, pauseMs = 200): Promise<string[]> {
  const calls = Array.from({ length: EFFECTS }, (_unused, index) => {
    const command = `echo ${index} >> effects; sleep ${pauseMs / 1_000}`;
    return `      - { text: "call ${index}", tool_calls: [{ tool: shell, arguments: { command: "${command}" } }] }`;
  });
  const definition = `apiVersion: stigmer/v1
kind: Agent
metadata: { name: counted }
spec:
  model:
    provider: scripted
    delay_ms: 150
    script:
${calls.join("\n")}
      - { text: "all done" }
  instructions: Count.
  tools: [shell]
  limits: { max_steps: 20, timeout: 5m }
`;
  subject.rig.write(DEFINITION, definition);
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

export async function eventsOf(subject: Subject, id: string): Promise<ExecutionEvent[]> {
  const { data } = await subject.tell(["execution", "events", id]);
  return (data as { events: ExecutionEvent[] }).events;
}

/** In what way an execution broke its promises: numbers without a gap, one end, each finished step once. */
export function faultsOfExecution(subject: Subject, events: readonly ExecutionEvent[], wantedEnd: string): string[] {
  const problems: string[] = [];
  if (events.some(({ seq }, index) => seq !== index + 1))
    problems.push(`the numbers are ${events.map(({ seq }) => seq)}`);
  const ends = events.filter(({ type }) => TERMINAL.test(type)).map(({ type }) => type);
  if (ends.join() !== wantedEnd) problems.push(`it ended with ${ends.join() || "nothing"}`);
  if (!TERMINAL.test(events.at(-1)?.type ?? "")) problems.push(`the last event is ${events.at(-1)?.type}`);
  const counts = countEffects(subject);
  for (const [effect, count] of counts) if (count > 1) problems.push(`tool call ${effect} ran ${count} times`);
  const finished = events.filter(({ type, data }) => type === "tool.completed" && data["ok"] === true);
  const started = new Map(
    events.filter(({ type }) => type === "tool.started").map(({ data }) => [data["callId"], data["arguments"]]),
  );
  for (const { data } of finished) {
    const effect = /echo (\d+)/.exec(JSON.stringify(started.get(data["callId"])))?.[1];
    if (effect === undefined || counts.get(effect) !== 1)
      problems.push(`the finished call ${effect} ran ${counts.get(effect ?? "") ?? 0} times`);
  }
  const ids = finished.map(({ data }) => data["callId"]);
  if (new Set(ids).size !== ids.length) problems.push(`a call was finished twice: ${ids}`);
  return problems;
}

function countEffects(subject: Subject): Map<string, number> {
  const counts = new Map<string, number>();
  if (!subject.rig.has("data", "workspace", "effects")) return counts;
  const lines = readFileSync(subject.rig.path("data", "workspace", "effects"), "utf8")
    .split("\n")
    .filter(Boolean);
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}
