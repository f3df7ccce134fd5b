import { type CommandSpec, command } from "../command-spec.ts";
import { argument, flag, texts } from "../option-spec.ts";
import { start } from "./start-option.ts";

const file = { completes: "file" } as const;

/** `apply`, `agent` and `workflow`: what can be run. */
export const DEFINITION_COMMANDS: readonly CommandSpec[] = [
  command({
    path: "apply",
    summary: "Store agents and workflows from files",
    takes: {
      files: texts("-f, --file <path...>", "A file, a directory or - for standard input", { required: true, ...file }),
      dryRun: flag("--dry-run", "Validate and print what would change"),
      start,
    },
    load: () => import("../commands/apply.ts"),
  }),
  command({
    path: "agent list",
    summary: "List the agents",
    takes: { start },
    load: () => import("../commands/agent/list.ts"),
  }),
  command({
    path: "agent show",
    summary: "Show the definition of an agent",
    takes: { name: argument("<name>", "Name of the agent"), start },
    load: () => import("../commands/agent/show.ts"),
  }),
  command({
    path: "agent delete",
    summary: "Delete an agent",
    takes: { name: argument("<name>", "Name of the agent"), start },
    load: () => import("../commands/agent/delete.ts"),
  }),
  command({
    path: "workflow list",
    summary: "List the workflows",
    takes: { start },
    load: () => import("../commands/workflow/list.ts"),
  }),
  command({
    path: "workflow show",
    summary: "Show the definition of a workflow",
    takes: { name: argument("<name>", "Name of the workflow"), start },
    load: () => import("../commands/workflow/show.ts"),
  }),
  command({
    path: "workflow delete",
    summary: "Delete a workflow",
    takes: { name: argument("<name>", "Name of the workflow"), start },
    load: () => import("../commands/workflow/delete.ts"),
  }),
  command({
    path: "workflow validate",
    summary: "Check a workflow file without storing it",
    takes: { file: argument("<file>", "A workflow in YAML or JSON, or - for standard input", file) },
    load: () => import("../commands/workflow/validate.ts"),
  }),
];
