import { chooseModel } from "@stigmer/agent-runner/model-choice";
import { nearestName } from "@stigmer/agent-runner/nearest";
import type { AgentTask, Json } from "@stigmer/agent-runner/protocol";
import { AppError } from "../../errors.ts";
import type { Definitions, StoredDefinition } from "../../store/definitions.ts";
import type { RunRequest } from "../engine.ts";
import { type AgentNeeds, readAgentNeeds } from "./agent-needs.ts";
import { resolveVariables, type VariableSources } from "./variables.ts";

export interface RunSettings {
  /** `llm` of config.yaml. */
  llm: AgentTask["defaults"];
  /** `execution.timeout` of config.yaml. */
  timeoutMs: number;
}

/** An execution that may be queued: everything that can be told beforehand was checked. */
export interface PreparedRun {
  digest: string;
  defaults: AgentTask["defaults"];
  input: { message: string };
  limitMs: number;
}

const DEFAULT_MESSAGE = "Start.";
const SESSION_ID = /^[\w.:@-]{1,128}$/;

/** @throws AppError NOT_FOUND with the nearest name, USAGE, LLM_UNAVAILABLE naming the key's variable. */
export function prepareRun(
  request: RunRequest,
  context: { definitions: Definitions; settings: RunSettings; sources: VariableSources },
): PreparedRun {
  checkUsage(request);
  const { settings, sources, definitions } = context;
  const definition = findAgent(definitions, request.name);
  const needs = readAgentNeeds(definition.definition);
  checkVariables(needs, settings.llm, sources);
  return {
    digest: definition.digest,
    defaults: settings.llm,
    input: { message: request.message ?? DEFAULT_MESSAGE },
    limitMs: Math.min(...[request.timeoutMs, needs.timeoutMs, settings.timeoutMs].filter((limit) => limit !== null)),
  };
}

/** NOT_FOUND for a name that nothing was applied under. */
export function unknownName(kind: "agent" | "workflow", name: string, known: string[]): AppError {
  const nearest = nearestName(name, known);
  const noun = kind === "agent" ? "an agent" : "a workflow";
  return new AppError(
    "NOT_FOUND",
    `There is no ${kind} "${name}"${nearest === null ? "" : ` (did you mean ${nearest}?)`}`,
    {
      hint: known.length === 0 ? `No ${kind} was applied yet` : `The ${kind}s are ${known.slice(0, 20).join(", ")}`,
      actions: [
        known.length === 0
          ? { label: `Apply ${noun}`, command: "stigmer apply -f FILE" }
          : { label: `List the ${kind}s`, command: `stigmer ${kind} list` },
      ],
    },
  );
}

function checkUsage({ kind, message, input, sessionId, timeoutMs }: RunRequest): void {
  if (kind === "agent" && input !== null) {
    throw new AppError("USAGE", "-i is for workflows; an agent takes a message: -m TEXT");
  }
  if (kind === "workflow" && message !== null) {
    throw new AppError("USAGE", "-m is for agents; a workflow takes inputs: -i KEY=VALUE");
  }
  if (sessionId !== null && !SESSION_ID.test(sessionId)) {
    throw new AppError("USAGE", "A session's id has 1 to 128 letters, digits and . _ : @ -");
  }
  if (timeoutMs !== null && !(timeoutMs > 0)) throw new AppError("USAGE", "--timeout must be longer than nothing");
  if (kind === "workflow") throw new AppError("USAGE", "Running workflows is not part of this version yet");
}

function findAgent(definitions: Definitions, name: string): StoredDefinition {
  const found = definitions.find("Agent", name);
  if (found === null) throw unknownName("agent", name, definitions.names("Agent"));
  return found;
}

function checkVariables(needs: AgentNeeds, llm: AgentTask["defaults"], sources: VariableSources): void {
  const { missing, missingKey } = resolveVariables(needs, llm, sources);
  const [name] = missing;
  if (name !== undefined) {
    throw new AppError("USAGE", `The agent needs ${missing.join(" and ")}, which has no value`, {
      hint: `Give it with -e ${name}=…, or put a line ${name}=… into secrets.env of the home`,
    });
  }
  const { provider, name: model } = chooseModel(needs.model, llm);
  if (missingKey !== null) throw missingKeyError(provider, missingKey);
  if (model === null && provider !== "scripted") {
    throw new AppError("LLM_UNAVAILABLE", `Neither the agent nor the configuration names a model of ${provider}`, {
      hint: `Put model: { provider: ${provider}, name: … } into the definition`,
    });
  }
}

function missingKeyError(provider: string, variable: string): AppError {
  return new AppError("LLM_UNAVAILABLE", `The key for ${provider} is missing: ${variable} has no value`, {
    hint: `Put a line ${variable}=… into secrets.env of the home`,
  });
}

/** The input of a stored execution, as this file wrote it. */
export function messageOf(input: Json): string {
  if (input === null || typeof input !== "object" || Array.isArray(input)) return DEFAULT_MESSAGE;
  const { message } = input;
  return typeof message === "string" ? message : DEFAULT_MESSAGE;
}
