import type { CommandSpec } from "./command-spec.ts";
import { DEFINITION_COMMANDS } from "./table/definitions.ts";
import { DEPLOY_COMMANDS } from "./table/deploy.ts";
import { EXECUTION_COMMANDS } from "./table/executions.ts";
import { SETTINGS_COMMANDS } from "./table/settings.ts";
import { STACK_COMMANDS } from "./table/stack.ts";

/** What each group is about, for its help. */
export const GROUPS: Readonly<Record<string, string>> = {
  server: "The local stack: start it, watch it, stop it",
  image: "The image of the agent-runner",
  config: "The settings of config.yaml",
  agent: "Agents that were applied",
  workflow: "Workflows that were applied",
  execution: "Runs of agents and workflows",
  deploy: "A workflow as a service in a container of its own",
};

/** Every command, in the order of the help. No handler is imported: each command loads its own file when it runs. */
export const COMMANDS: readonly CommandSpec[] = [
  ...STACK_COMMANDS,
  ...SETTINGS_COMMANDS,
  ...DEFINITION_COMMANDS,
  ...EXECUTION_COMMANDS,
  ...DEPLOY_COMMANDS,
];
