import type { ExecutionEvent } from "@stigmer/agent-runner/protocol";
import { AppError } from "../../../errors.ts";
import { ServerGoneError } from "../../../server/client.ts";
import type { CommandContext, CommandHandler } from "../../context.ts";
import { ensureServer } from "../../ensure-server.ts";
import { followEvents } from "./follow-events.ts";

export interface ExecutionEventsOptions {
  id: string;
  follow: boolean;
  after: number;
  start: boolean;
}

/** With `--follow` a stream that ends with the terminal event, exit 0 whatever that is. */
export const handle: CommandHandler<ExecutionEventsOptions> = async ({ id, follow, after, start }, context) => {
  const client = await ensureServer(context, { start });
  if (follow) {
    for await (const event of followEvents({
      client,
      context,
      executionId: id,
      afterSeq: after,
      signal: context.signal,
    })) {
      context.stdout.write(`${context.globals.json ? JSON.stringify(event) : describe(event)}\n`);
      await context.stdout.drained();
    }
    return null;
  }
  const events: ExecutionEvent[] = [];
  const path = `/v1/executions/${encodeURIComponent(id)}/events?after=${after}`;
  try {
    for await (const record of client.stream("GET", path)) events.push(record as ExecutionEvent);
  } catch (error) {
    if (error instanceof ServerGoneError) throw new AppError("NOT_RUNNING", "The server went away", { cause: error });
    throw error;
  }
  return { data: { events }, text: printable(events, context) };
};

function printable(events: ExecutionEvent[], context: CommandContext): string | null {
  return context.globals.json || events.length === 0 ? null : events.map(describe).join("\n");
}

function describe({ seq, time, type, data }: ExecutionEvent): string {
  const details = Object.keys(data).length === 0 ? "" : ` ${JSON.stringify(data)}`;
  return `${String(seq).padStart(4)} ${time} ${type}${details}`;
}
