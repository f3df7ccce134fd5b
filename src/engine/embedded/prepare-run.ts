import type { Json } from "@stigmer/agent-runner/protocol";
import { AppError } from "../../errors.ts";
import type { Definitions } from "../../store/definitions.ts";
import type { RunRequest } from "../engine.ts";
import { checkNeeds } from "./check-needs.ts";
import type { KeptNeeds, ModelDefaults } from "./kept-needs.ts";
import { keepWorkflow, readInput } from "./prepare-workflow.ts";
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
  needs: KeptNeeds;
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
  const digest = context.definitions.digestOf("Agent", request.name);
  if (digest === null) throw unknownName("agent", request.name, context.definitions.names("Agent"));
  const limitMs = checkAll(request, digest, context);
  return { digest, defaults: context.settings.llm, input: { message: request.message ?? DEFAULT_MESSAGE }, limitMs };
}

function prepareWorkflow(request: RunRequest, context: RunContext): PreparedRun {
  const found = context.definitions.find("Workflow", request.name);
  if (found === null) throw unknownName("workflow", request.name, context.definitions.names("Workflow"));
  const input = readInput(found.definition, request.input ?? {});
  const digest = keepWorkflow(found.definition, context.definitions);
  return { digest, defaults: context.settings.llm, input, limitMs: checkAll(request, digest, context) };
}

/** Returns the smallest of the time limits. */
function checkAll({ kind, timeoutMs }: RunRequest, digest: string, context: RunContext): number {
  const { needs, settings, sources } = context;
  const { tasks, timeoutMs: ownTimeoutMs } = needs.of({ kind, digest });
  for (const [node, task] of tasks) {
    const what = kind === "agent" ? "The agent" : `The node ${node}`;
    checkNeeds(task, { what, defaults: settings.llm, sources });
  }
  return Math.min(...[timeoutMs, ownTimeoutMs, settings.timeoutMs].filter((limit) => limit !== null));
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

/** The input of a stored execution of an agent, as this file wrote it. */
export function messageOf(input: Json): string {
  if (input === null || typeof input !== "object" || Array.isArray(input)) return DEFAULT_MESSAGE;
  const { message } = input;
  return typeof message === "string" ? message : DEFAULT_MESSAGE;
}
