import type { ExecutionEvent } from "@stigmer/agent-runner/protocol";
import type { CommandContext } from "../../context.ts";
import { formatElapsed } from "../../render/duration-text.ts";
import type { EventLines } from "./event-lines.ts";
import { cutText, fold, retriedText, scriptedText, textOf, toolCompletedText, toolStartedText } from "./event-text.ts";
import { LiveText } from "./live-text.ts";

type Data = ExecutionEvent["data"];

/**
 * A workflow: the final state as JSON on stdout, everything else on stderr. A terminal shows the words of its nodes as
 * they come, of one node at a time; those of another that speaks meanwhile follow when it has said them.
 */
export class WorkflowLines implements EventLines {
  readonly #stdout: CommandContext["stdout"];
  readonly #progress: CommandContext["progress"];
  readonly #warn: CommandContext["warn"];
  /** Null where words are not shown. */
  readonly #words: LiveText | null;
  readonly #startedAt = new Map<string, string>();
  #speaker: string | null = null;

  constructor({
    stdout,
    stderr,
    globals,
    progress,
    warn,
  }: Pick<CommandContext, "stdout" | "stderr" | "globals" | "progress" | "warn">) {
    this.#stdout = stdout;
    this.#progress = progress;
    this.#warn = warn;
    this.#words = stderr.isTTY && !globals.quiet ? new LiveText(stderr) : null;
  }

  show({ type, time, data }: ExecutionEvent): void {
    switch (type) {
      case "execution.started":
        this.#started(scriptedText(data));
        return;
      case "node.started":
        this.#startedAt.set(nodeText(data), time);
        this.#line(`${nodeText(data)} started`);
        return;
      case "node.completed":
        this.#completed(time, data);
        return;
      case "message.delta":
        this.#speak(data);
        return;
      case "message.completed":
        this.#said(data);
        return;
      case "step.retried":
        this.#line(`${nodeText(data)}: ${retriedText(data)}`);
        return;
      case "tool.started":
        this.#line(`${nodeText(data)}: ${toolStartedText(data)}`);
        return;
      case "tool.completed":
        this.#line(`${nodeText(data)}: ${toolCompletedText(data)}`);
        return;
      case "execution.succeeded":
        this.end();
        this.#stdout.write(`${JSON.stringify(data["output"] ?? null, null, 2)}\n`);
        return;
      default:
        this.end();
    }
  }

  end(): void {
    this.#speaker = null;
    this.#words?.endLine();
  }

  #started(scripted: string | null): void {
    if (scripted !== null) this.#line(scripted);
  }

  #completed(time: string, data: Data): void {
    const node = nodeText(data);
    const startedAt = this.#startedAt.get(node);
    const took = startedAt === undefined ? "" : ` after ${formatElapsed(Date.parse(time) - Date.parse(startedAt))}`;
    this.#line(data["ok"] === false ? `${node} failed${took}: ${fold(reasonIn(data))}` : `${node} done${took}`);
  }

  #speak(data: Data): void {
    const node = textOf(data["node"]);
    this.#speaker ??= node;
    if (this.#speaker === node) this.#words?.write(textOf(data["text"]));
  }

  #said(data: Data): void {
    if (this.#speaker !== textOf(data["node"])) {
      this.end();
      this.#words?.write(textOf(data["text"]));
    }
    this.end();
    const cut = cutText(data);
    if (cut !== null) this.#warn(`${nodeText(data)}: ${cut}`);
  }

  #line(text: string): void {
    this.end();
    this.#progress(text);
  }
}

/** `draft`, and from the second time on `draft (2)`. */
function nodeText(data: Data): string {
  const { node, iteration } = data;
  return typeof iteration === "number" && iteration > 1 ? `${textOf(node)} (${iteration})` : textOf(node);
}

function reasonIn({ error }: Data): string {
  return typeof error === "object" && error !== null && !Array.isArray(error) ? textOf(error["message"]) : "";
}
