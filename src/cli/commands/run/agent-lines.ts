import type { ExecutionEvent } from "@stigmer/agent-runner/protocol";
import type { CommandContext } from "../../context.ts";
import type { EventLines } from "./event-lines.ts";
import { cutText, retriedText, scriptedText, textOf, toolCompletedText, toolStartedText } from "./event-text.ts";
import { LiveText } from "./live-text.ts";

/** An agent: its words on stdout as they come, everything else on stderr. */
export class AgentLines implements EventLines {
  readonly #progress: CommandContext["progress"];
  readonly #warn: CommandContext["warn"];
  readonly #words: LiveText;
  /** Text of the message under way is on stdout already. */
  #isStreaming = false;

  constructor({ stdout, progress, warn }: Pick<CommandContext, "stdout" | "progress" | "warn">) {
    this.#progress = progress;
    this.#warn = warn;
    this.#words = new LiveText(stdout);
  }

  show({ type, data }: ExecutionEvent): void {
    switch (type) {
      case "execution.started":
        this.#started(scriptedText(data));
        return;
      case "message.delta":
        this.#isStreaming = true;
        this.#words.write(textOf(data["text"]));
        return;
      case "message.completed":
        if (!this.#isStreaming) this.#words.write(textOf(data["text"]));
        this.end();
        this.#cut(cutText(data));
        return;
      case "step.retried":
        this.end();
        this.#progress(retriedText(data));
        return;
      case "tool.started":
        this.end();
        this.#progress(toolStartedText(data));
        return;
      case "tool.completed":
        this.end();
        this.#progress(toolCompletedText(data));
        return;
      default:
        // What else there is begins or ends something: the next words belong to another message.
        this.end();
    }
  }

  end(): void {
    this.#isStreaming = false;
    this.#words.endLine();
  }

  #started(scripted: string | null): void {
    if (scripted !== null) this.#progress(scripted);
  }

  #cut(reason: string | null): void {
    if (reason !== null) this.#warn(reason);
  }
}
