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
  const common = {
    environment: Object.fromEntries(options.env.map(readVariable)),
    timeoutMs: options.timeoutMs,
  };
  if (workflow !== undefined) {
    if (message !== undefined) throw new AppError("USAGE", "-m is for agents; a workflow takes inputs: -i KEY=VALUE");
    if (session !== undefined) {
      throw new AppError("USAGE", "--session is for agents; each run of a workflow begins anew");
    }
    const fields = Object.fromEntries(input.map(readInput));
    return { kind: "workflow", name: workflow, message: null, input: fields, sessionId: null, ...common };
  }
  if (input.length > 0) throw new AppError("USAGE", "-i is for workflows; an agent takes a message: -m TEXT");
  return {
    kind: "agent",
    name: agent ?? "",
    message: message === "-" ? withoutLastNewline(await readStream(context.stdin)) : (message ?? null),
    input: null,
    sessionId: session ?? null,
    ...common,
  };
}

/** The text is read by the type of the field, which the server knows. */
function readInput(given: string): [string, string] {
  const at = given.indexOf("=");
  if (at <= 0) throw new AppError("USAGE", `-i takes FIELD=VALUE, such as -i topic=bees, not ${JSON.stringify(given)}`);
  return [given.slice(0, at), given.slice(at + 1)];
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
