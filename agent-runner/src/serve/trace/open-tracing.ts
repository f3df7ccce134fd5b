import { combineModels } from "../../definitions/combine-models.ts";
import { chooseModel } from "../../definitions/model-choice.ts";
import type { Logger } from "../../logging/writer.ts";
import type { AgentTask, KeptWorkflow } from "../../protocol/messages.ts";
import { VERSION } from "../../version.ts";
import { nodeSubject } from "../../workflow/node-subject.ts";
import type { JobObserver } from "../jobs/job-observer.ts";
import { agentOf, definitionOf } from "../runtime/node-needs.ts";
import type { Settings } from "../settings.ts";
import type { KeptRun } from "../store/job-runs.ts";
import type { Store } from "../store/open-store.ts";
import { createExporter } from "./exporter.ts";
import { createJobTracer, type RunDescription } from "./job-tracer.ts";

export interface Tracing {
  observer: JobObserver;
  /** Sends what is left. */
  close(): Promise<void>;
}

export interface TracingOptions {
  name: string;
  defaults: AgentTask["defaults"];
  settings: Settings;
  store: Store;
  log: Logger;
}

/** Traces to the collector that the environment names; null where it names none. */
export function openTracing({ name, defaults, settings, store, log }: TracingOptions): Tracing | null {
  const { tracing, values } = settings;
  if (tracing === null) return null;
  const headers = parseHeaders(values["OTEL_EXPORTER_OTLP_HEADERS"] ?? "");
  log.mask(Object.values(headers)); // They carry the collector's key.
  const exporter = createExporter({
    endpoint: tracing.endpoint,
    headers,
    resource: { "service.name": values["OTEL_SERVICE_NAME"] ?? name, "service.version": VERSION },
    log,
  });
  const observer = createJobTracer({
    name,
    includesContent: tracing.includesContent,
    describeRun: (job, run) => describeRun(store.workflow(job.workflow), run, defaults),
    emit: exporter.add,
  });
  return { observer, close: () => exporter.close() };
}

function describeRun(kept: KeptWorkflow, run: KeptRun, defaults: AgentTask["defaults"]): RunDescription {
  const workflow = definitionOf(kept);
  const node = workflow.nodes.find(({ id }) => id === run.node);
  if (node === undefined) throw new Error(`the workflow has no node ${JSON.stringify(run.node)}`);
  const agent = node.agent === null ? null : agentOf(kept, node.agent);
  const wish = agent === null ? combineModels(node.llm, workflow.config.llm) : agent.spec.model;
  const { provider, name } = chooseModel(wish, defaults);
  const { message } = nodeSubject({ workflow, node, agent, state: run.state, earlierCalls: 0 });
  return { provider, model: name, prompt: message };
}

/** `name=value,name=value`, the values percent-encoded, as OpenTelemetry has it. */
function parseHeaders(text: string): Record<string, string> {
  const entries = text.split(",").flatMap((part): [string, string][] => {
    const at = part.indexOf("=");
    return at < 1 ? [] : [[part.slice(0, at).trim().toLowerCase(), decode(part.slice(at + 1).trim())]];
  });
  return Object.fromEntries(entries);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A percent sign that is meant as it stands.
  }
}
