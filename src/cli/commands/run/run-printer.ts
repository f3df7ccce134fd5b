import type { ExecutionEvent } from "@stigmer/agent-runner/protocol";
import type { CommandContext, Output } from "../../context.ts";

/** Of a tool's arguments or its error, this much is shown in one line. */
const FOLDED_LENGTH = 120;

/**
 * Prints events as `run` shows them: the assistant's words on stdout as they come, everything else on stderr. With
 * `--json` every event is one line on stdout.
 */
export class RunPrinter {
  readonly #context: Pick<CommandContext, "stdout" | "stderr" | "globals" | "progress">;
  /** Text of the message under way is on stdout already. */
  #isStreaming = false;
  #endsWithNewline = true;

  constructor(context: Pick<CommandContext, "stdout" | "stderr" | "globals" | "progress">) {
    this.#context = context;
  }

  /** Resolves once the readers have taken it. */
  async print(event: ExecutionEvent): Promise<void> {
    const { stdout, stderr, globals } = this.#context;
    if (globals.json) stdout.write(`${JSON.stringify(event)}\n`);
    else this.#printText(event);
    await drainedBoth(stdout, stderr);
  }

  /** Nothing more comes: a line that was begun is ended. */
  end(): void {
    this.#endLine();
  }

  #printText({ type, data }: ExecutionEvent): void {
    const { progress } = this.#context;
    switch (type) {
      case "execution.started":
        if (data["provider"] === "scripted") {
          progress("Scripted model: the answers come from the definition, no model is asked");
        }
        return;
      case "message.delta":
        this.#isStreaming = true;
        this.#write(textOf(data["text"]));
        return;
      case "message.completed":
        if (!this.#isStreaming) this.#write(textOf(data["text"]));
        this.#endLine();
        return;
      case "step.retried":
        this.#endLine();
        progress(`Trying again (attempt ${textOf(data["attempt"])}): ${fold(textOf(data["reason"]))}`);
        return;
      case "tool.started":
        this.#endLine();
        progress(`${textOf(data["tool"])} ${fold(JSON.stringify(data["arguments"] ?? {}))}`);
        return;
      case "tool.completed":
        this.#endLine();
        progress(`${textOf(data["tool"])} ${data["ok"] === true ? "done" : `failed: ${fold(textOf(data["output"]))}`}`);
        return;
      default:
        // What else there is begins or ends something: the next words belong to another message.
        this.#endLine();
    }
  }

  #write(text: string): void {
    if (text === "") return;
    this.#context.stdout.write(text);
    this.#endsWithNewline = text.endsWith("\n");
  }

  #endLine(): void {
    this.#isStreaming = false;
    if (this.#endsWithNewline) return;
    this.#context.stdout.write("\n");
    this.#endsWithNewline = true;
  }
}

async function drainedBoth(stdout: Output, stderr: Output): Promise<void> {
  await Promise.all([stdout.drained(), stderr.drained()]);
}

function fold(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= FOLDED_LENGTH ? line : `${line.slice(0, FOLDED_LENGTH - 1)}…`;
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined || value === null ? "" : String(value);
}
