import { ensureHome } from "../../boot/home.ts";
import type { Logger } from "../../logging/writer.ts";
import { makeDirectory } from "../../make-directory.ts";
import type { AgentTask, KeptWorkflow, NodeTask } from "../../protocol/messages.ts";
import type { RoleContext } from "../../roles/role.ts";
import { advance } from "../../workflow/advance.ts";
import { runNode } from "../../workflow/run-node.ts";
import type { Interpreter, NodeSurroundings } from "../jobs/interpreter.ts";
import { type Settings, SettingsError } from "../settings.ts";
import { type Moved, moveModels } from "./move-models.ts";
import { agentOf, definitionOf, nodeNeeds } from "./node-needs.ts";
import { resolveNeeds } from "./surroundings.ts";

export interface RuntimeOptions {
  kept: KeptWorkflow;
  /** The model of nodes and agents that name none. */
  defaults: AgentTask["defaults"];
  settings: Settings;
  log: Logger;
}

/** The runtime as jobs use it: the pure interpreter, and node runs in this process. */
export interface RuntimeInterpreter extends Interpreter {
  /** One sentence for each variable that the workflow needs and that is not set. */
  missing: string[];
}

/** @throws SettingsError where the workspace cannot be made. */
export function createInterpreter(options: RuntimeOptions): RuntimeInterpreter {
  const { kept, defaults, settings, log } = options;
  const moved = rememberByWorkflow((one) => moveModels({ kept: one, defaults }, settings.llmBaseUrl));
  const context = createContext(settings, log);
  const surroundings = (one: KeptWorkflow, id: string): NodeSurroundings => {
    const { kept, defaults } = moved(one);
    const node = definitionOf(kept).nodes.find((candidate) => candidate.id === id);
    if (node === undefined) throw new Error(`the workflow has no node ${JSON.stringify(id)}`);
    const { environment, keys, secrets } = resolveNeeds(nodeNeeds(kept, node, defaults), settings.values);
    log.mask(secrets);
    return { defaults, environment, keys, secrets };
  };
  return {
    missing: findMissing(moved(kept), settings),
    limitMs: (one) => definitionOf(one).config.execution.timeout * 1000,
    advance: (one, input, runs) => advance(definitionOf(one), input, runs),
    runNode: (task: NodeTask, channel) =>
      runNode({ ...task, definition: moved(task.definition).kept }, channel, context),
    surroundings,
  };
}

function createContext(settings: Settings, log: Logger): RoleContext {
  const { workspaceRoot, loopbackHost, values } = settings;
  try {
    makeDirectory(workspaceRoot);
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    throw new SettingsError(`the workspace in DATA_DIR (or WORKSPACE_ROOT) cannot be made: ${reason}`);
  }
  return {
    environment: { workspaceRoot, loopbackHost },
    home: ensureHome(values["HOME"]),
    path: values["PATH"] ?? USUAL_PATH,
    log,
  };
}

const USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

function findMissing({ kept, defaults }: Moved, { values }: Settings): string[] {
  const missing = definitionOf(kept).nodes.flatMap((node) =>
    node.agent !== null && agentOf(kept, node.agent) === null
      ? []
      : resolveNeeds(nodeNeeds(kept, node, defaults), values).missing,
  );
  return [...new Set(missing)].map((name) => `${name} is not set, and the workflow needs it`);
}

/** Few workflows, many jobs: what is made of a workflow is made once. */
function rememberByWorkflow<Made>(make: (kept: KeptWorkflow) => Made): (kept: KeptWorkflow) => Made {
  const made = new WeakMap<KeptWorkflow, Made>();
  return (kept) => {
    const known = made.get(kept) ?? make(kept);
    made.set(kept, known);
    return known;
  };
}
