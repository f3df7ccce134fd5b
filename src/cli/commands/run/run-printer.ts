import type { ExecutionEvent } from "@stigmer/agent-runner/protocol";
import type { CommandContext, Output } from "../../context.ts";
import { AgentLines } from "./agent-lines.ts";
import type { EventLines } from "./event-lines.ts";
import { WorkflowLines } from "./workflow-lines.ts";

type PrinterContext = Pick<CommandContext, "stdout" | "stderr" | "globals" | "progress" | "warn">;

/** Prints events as `run` shows them. With `--json` every event is one line on stdout. */
export class RunPrinter {
  readonly #context: PrinterContext;
  readonly #lines: EventLines;

  constructor(context: PrinterContext, kind: "agent" | "workflow") {
    this.#context = context;
    this.#lines = kind === "agent" ? new AgentLines(context) : new WorkflowLines(context);
  }

  /** Resolves once the readers have taken it. */
  async print(event: ExecutionEvent): Promise<void> {
    const { stdout, stderr, globals } = this.#context;
    if (globals.json) stdout.write(`${JSON.stringify(event)}\n`);
    else this.#lines.show(event);
    await drainedBoth(stdout, stderr);
  }

  /** Nothing more comes. */
  end(): void {
    this.#lines.end();
  }
}

async function drainedBoth(stdout: Output, stderr: Output): Promise<void> {
  await Promise.all([stdout.drained(), stderr.drained()]);
}
