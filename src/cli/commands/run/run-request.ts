import { text as readStream } from "node:stream/consumers";
import type { RunRequest } from "../../../engine/engine.ts";
import { AppError } from "../../../errors.ts";
import type { CommandContext } from "../../context.ts";
import type { RunOptions } from "../run.ts";

/** Reads the command line of `run`. @throws AppError USAGE before anything is started. */
export async function readRunRequest(options: RunOptions, context: Pick<CommandContext, "stdin">): Promise<RunRequest> {
  const { agent, workflow, message, input, session } = options;
  if ((agent === undefined) === (workflow === undefined)) {
    throw new AppError("USAGE", "Say what to run: either --agent NAME or --workflow NAME");
  }
  if (workflow !== undefined) {
    if (message !== undefined) throw new AppError("USAGE", "-m is for agents; a workflow takes inputs: -i KEY=VALUE");
    throw new AppError("USAGE", "Running workflows is not part of this version yet");
  }
  if (input.length > 0) throw new AppError("USAGE", "-i is for workflows; an agent takes a message: -m TEXT");
  return {
    kind: "agent",
    name: agent ?? "",
    message: message === "-" ? withoutLastNewline(await readStream(context.stdin)) : (message ?? null),
    input: null,
    sessionId: session ?? null,
    environment: Object.fromEntries(options.env.map(readVariable)),
    timeoutMs: options.timeoutMs,
  };
}

function readVariable(given: string): [string, string] {
  const match = /^([A-Za-z_][A-Za-z0-9_]*)=([\s\S]*)$/.exec(given);
  // What was typed may hold a secret, so it is not repeated.
  if (match === null) throw new AppError("USAGE", "-e takes NAME=VALUE, such as -e GREETING=hello");
  return [match[1] ?? "", match[2] ?? ""];
}

function withoutLastNewline(text: string): string {
  return text.replace(/\r?\n$/, "");
}
