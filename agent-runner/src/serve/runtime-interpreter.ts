import { setTimeout as delay } from "node:timers/promises";
import type { WorkflowDefinition } from "../definitions/workflow-definition.ts";
import type { Log } from "../log.ts";
import type { KeptWorkflow } from "../protocol/messages.ts";
import type { Interpreter } from "./jobs/interpreter.ts";
import type { Settings } from "./settings.ts";
// STAND-IN
export function createInterpreter(_: {
  kept: KeptWorkflow;
  settings: Settings;
  log: Log;
}): Interpreter & { missing: string[] } {
  const def = (kept: KeptWorkflow) => kept.workflow as unknown as WorkflowDefinition;
  return {
    missing: [],
    limitMs: (kept) => def(kept).config.execution.timeout * 1000,
    surroundings: () => ({
      defaults: { provider: "ollama", model: null as never, baseUrl: null, apiKeyEnv: null },
      environment: {},
      keys: {},
      secrets: [],
    }),
    advance(kept, input, runs) {
      const failed = runs.find((r) => r.phase === "failed");
      if (failed) return { kind: "fail", error: failed.error ?? { code: "x", message: "x" }, node: failed.node };
      const state = Object.assign({}, input, ...runs.map((r) => r.output ?? {}));
      if (runs.some((r) => r.phase === "open")) return { kind: "run", runs: [] };
      const node = def(kept).nodes[runs.length];
      if (!node) return { kind: "finish", output: state };
      return { kind: "run", runs: [{ run: runs.length + 1, node: node.id, iteration: 1, state }] };
    },
    async runNode(task, channel) {
      const node =
        def(task.definition).nodes.find((n) => n.id === task.node) ??
        (def(task.definition).nodes[0] as never as WorkflowDefinition["nodes"][number]);
      const text = node.llm?.script?.[0]?.text ?? "";
      channel.deliver({
        kind: "event",
        step: 1,
        index: 0,
        type: "step.started",
        time: new Date().toISOString(),
        data: { kind: "model", node: node.id },
      });
      try {
        await delay(node.llm?.delay_ms ?? 0, undefined, { signal: channel.signal });
      } catch {
        if (channel.signal.reason !== "shutdown") await channel.complete({ phase: channel.signal.reason });
        return;
      }
      const r = { kind: "model" as const, text, toolCalls: [], tokens: { input: 3, output: 4 }, finishReason: "stop" };
      channel.deliver({ kind: "step", step: 1, phase: "finished", record: r });
      if (text === "fail")
        await channel.complete({
          phase: "failed",
          error: { code: "EXECUTION_FAILED", message: "secret words" },
          tokens: r.tokens,
        });
      else await channel.complete({ phase: "succeeded", output: { [node.outputs[0] ?? "x"]: text }, tokens: r.tokens });
    },
  };
}
