import type { Json } from "@stigmer/agent-runner/protocol";
import { AppError } from "../../errors.ts";
import type { Definitions, StoredDefinition } from "../../store/definitions.ts";
import type { RunRequest } from "../engine.ts";
import { checkNeeds } from "./check-needs.ts";
import type { ModelDefaults } from "./kept-definition.ts";
import { keepWorkflow, readInput } from "./prepare-workflow.ts";
import { readAgentNeeds, readWorkflowNeeds } from "./task-needs.ts";
import { unknownName } from "./unknown-name.ts";
import type { VariableSources } from "./variables.ts";

export interface RunSettings {
  /** `llm` of config.yaml. */
  llm: ModelDefaults;
  /** `execution.timeout` of config.yaml. */
  timeoutMs: number;
}

export interface RunContext {
  definitions: Definitions;
  settings: RunSettings;
  sources: VariableSources;
}

/** An execution that may be queued: everything that can be told beforehand was checked. */
export interface PreparedRun {
  digest: string;
  defaults: ModelDefaults;
  input: { [key: string]: Json };
  limitMs: number;
}

const DEFAULT_MESSAGE = "Start.";
const SESSION_ID = /^[\w.:@-]{1,128}$/;

/** @throws AppError NOT_FOUND with the nearest name, USAGE, LLM_UNAVAILABLE naming the key's variable. */
export function prepareRun(request: RunRequest, context: RunContext): PreparedRun {
  checkUsage(request);
  return request.kind === "agent" ? prepareAgent(request, context) : prepareWorkflow(request, context);
}

function prepareAgent(request: RunRequest, context: RunContext): PreparedRun {
  const { definitions, settings, sources } = context;
  const { digest, definition } = find(definitions, "agent", request.name);
  const needs = readAgentNeeds(definition);
  checkNeeds(needs, { what: "The agent", defaults: settings.llm, sources });
  return {
    digest,
    defaults: settings.llm,
    input: { message: request.message ?? DEFAULT_MESSAGE },
    limitMs: smallest(request.timeoutMs, needs.timeoutMs, settings.timeoutMs),
  };
}

function prepareWorkflow(request: RunRequest, context: RunContext): PreparedRun {
  const { definitions, settings, sources } = context;
  const { definition } = find(definitions, "workflow", request.name);
  const input = readInput(definition, request.input ?? {});
  const { digest, body } = keepWorkflow(definition, definitions);
  const { nodes, timeoutMs } = readWorkflowNeeds(body);
  for (const [node, needs] of nodes) checkNeeds(needs, { what: `The node ${node}`, defaults: settings.llm, sources });
  return { digest, defaults: settings.llm, input, limitMs: smallest(request.timeoutMs, timeoutMs, settings.timeoutMs) };
}

function checkUsage({ kind, message, input, sessionId, timeoutMs }: RunRequest): void {
  if (kind === "agent" && input !== null) {
    throw new AppError("USAGE", "-i is for workflows; an agent takes a message: -m TEXT");
  }
  if (kind === "workflow" && message !== null) {
    throw new AppError("USAGE", "-m is for agents; a workflow takes inputs: -i KEY=VALUE");
  }
  if (kind === "workflow" && sessionId !== null) {
    throw new AppError("USAGE", "--session is for agents; each run of a workflow begins anew");
  }
  if (sessionId !== null && !SESSION_ID.test(sessionId)) {
    throw new AppError("USAGE", "A session's id has 1 to 128 letters, digits and . _ : @ -");
  }
  if (timeoutMs !== null && !(timeoutMs > 0)) throw new AppError("USAGE", "--timeout must be longer than nothing");
}

function find(definitions: Definitions, kind: "agent" | "workflow", name: string): StoredDefinition {
  const storedKind = kind === "agent" ? "Agent" : "Workflow";
  const found = definitions.find(storedKind, name);
  if (found === null) throw unknownName(kind, name, definitions.names(storedKind));
  return found;
}

function smallest(...limits: (number | null)[]): number {
  return Math.min(...limits.filter((limit) => limit !== null));
}

/** The input of a stored execution of an agent, as this file wrote it. */
export function messageOf(input: Json): string {
  if (input === null || typeof input !== "object" || Array.isArray(input)) return DEFAULT_MESSAGE;
  const { message } = input;
  return typeof message === "string" ? message : DEFAULT_MESSAGE;
}
