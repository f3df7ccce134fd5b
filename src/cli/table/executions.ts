import { type CommandSpec, command } from "../command-spec.ts";
import { argument, choice, flag, optionalDuration, text, texts, wholeNumber } from "../option-spec.ts";
import { start } from "./start-option.ts";

const PHASES = ["queued", "running", "succeeded", "failed", "cancelled", "timed_out"] as const;

/** `run` and `execution`. */
export const EXECUTION_COMMANDS: readonly CommandSpec[] = [
  command({
    path: "run",
    summary: "Run an agent or a workflow and show what it does",
    takes: {
      agent: text("--agent <name>", "The agent to run"),
      workflow: text("--workflow <name>", "The workflow to run"),
      message: text("-m, --message <text>", "What to say to the agent, or - for standard input"),
      input: texts("-i, --input <key=value>", "A field of the workflow's state (repeatable)"),
      session: text("--session <id>", "Continue a conversation"),
      env: texts("-e, --env <key=value>", "A variable for the agent's tools (repeatable)"),
      detach: flag("--detach", "Print the id and do not wait"),
      timeoutMs: optionalDuration("--timeout <time>", "End the execution after this time, such as 10m"),
      start,
    },
    excessHint: "Name what to run by its kind: stigmer run --agent NAME, or stigmer run --workflow NAME",
    load: () => import("../commands/run.ts"),
  }),
  command({
    path: "execution list",
    summary: "List executions, newest first",
    takes: {
      limit: wholeNumber("--limit <n>", "How many", { least: 1, most: 1000, fallback: 50 }),
      cursor: text("--cursor <cursor>", "Continue after a page: its nextCursor"),
      phase: choice("--phase <phase>", "Only those in this phase", PHASES),
      start,
    },
    load: () => import("../commands/execution/list.ts"),
  }),
  command({
    path: "execution show",
    summary: "Show one execution",
    takes: { id: argument("<id>", "Id of the execution"), start },
    load: () => import("../commands/execution/show.ts"),
  }),
  command({
    path: "execution events",
    summary: "Show the events of an execution",
    takes: {
      id: argument("<id>", "Id of the execution"),
      follow: flag("-f, --follow", "Go on to the last event"),
      after: wholeNumber("--after <seq>", "Only events after this number", {
        least: 0,
        most: Number.MAX_SAFE_INTEGER,
        fallback: 0,
      }),
      start,
    },
    load: () => import("../commands/execution/events.ts"),
  }),
  command({
    path: "execution cancel",
    summary: "Cancel an execution",
    takes: { id: argument("<id>", "Id of the execution"), start },
    load: () => import("../commands/execution/cancel.ts"),
  }),
];
