import type { ExecutionEvent } from "@stigmer/agent-runner/protocol";
import { AppError, systemErrorCode } from "../../../errors.ts";
import { DeadlineError } from "../../../platform/deadline.ts";
import { pollUntil } from "../../../platform/poll.ts";
import { type ServerClient, ServerGoneError } from "../../../server/client.ts";
import type { CommandContext } from "../../context.ts";

/** How long a server that died may stay away (product.md §4). */
const AWAY_MS = 30_000;
/** One that was stopped is back sooner, in a restart, or not at all. */
const STOPPED_MS = 5_000;
const LOOK_INTERVAL_MS = 100;
const LOOK_TIMEOUT_MS = 2_000;

export interface FollowOptions {
  client: ServerClient;
  context: Pick<CommandContext, "stderr">;
  executionId: string;
  /** Events after this number. */
  afterSeq: number;
  /** Ends the stream where it stands. */
  signal: AbortSignal;
}

const TERMINAL = ["execution.succeeded", "execution.failed", "execution.cancelled", "execution.timed_out"];

/**
 * The events up to the terminal one, each once. A server that went away is told of on stderr and waited for; the
 * stream goes on after the last event that was read.
 * @throws AppError NOT_RUNNING naming the execution when the server does not come back.
 */
export async function* followEvents(options: FollowOptions): AsyncIterable<ExecutionEvent> {
  const { client, executionId, signal } = options;
  let seq = options.afterSeq;
  while (!signal.aborted) {
    const path = `/v1/executions/${encodeURIComponent(executionId)}/events?follow=true&after=${seq}`;
    let wasStopped = true;
    try {
      for await (const record of client.stream("GET", path, undefined, { signal })) {
        const event = record as ExecutionEvent;
        seq = event.seq;
        yield event;
        if (TERMINAL.includes(event.type)) return;
      }
      // An execution that had ended before `afterSeq` has no event left to end the stream with.
      if (await hasEnded(client, executionId)) return;
    } catch (error) {
      if (signal.aborted) return;
      if (!isGone(error)) throw error;
      wasStopped = hasNoSocket(error);
    }
    await serverIsBack({ ...options, wasStopped });
  }
}

function isGone(error: unknown): boolean {
  return error instanceof ServerGoneError || (error instanceof AppError && error.code === "NOT_RUNNING");
}

/** A server that is stopped removes its socket; one that dies leaves it behind. */
function hasNoSocket(error: unknown): boolean {
  return error instanceof AppError && systemErrorCode(error.cause) === "ENOENT";
}

async function hasEnded(client: ServerClient, executionId: string): Promise<boolean> {
  try {
    const path = `/v1/executions/${encodeURIComponent(executionId)}`;
    const { execution } = await client.request<{ execution: { endedAt: string | null } }>("GET", path, undefined, {
      timeoutMs: LOOK_TIMEOUT_MS,
    });
    return execution.endedAt !== null;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

async function serverIsBack(options: FollowOptions & { wasStopped: boolean }): Promise<void> {
  const { client, context, executionId, signal, wasStopped } = options;
  const timeoutMs = wasStopped ? STOPPED_MS : AWAY_MS;
  const what = wasStopped ? "was stopped" : "died";
  context.stderr.write(`The server ${what}; waiting ${timeoutMs / 1_000} s for it to be back\n`);
  try {
    await pollUntil({
      what: "the server",
      timeoutMs,
      intervalMs: LOOK_INTERVAL_MS,
      signal,
      probe: () => answers(client),
    });
    context.stderr.write("The server is back\n");
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof DeadlineError)) throw error;
    throw new AppError("NOT_RUNNING", `The server ${what}; execution ${executionId} goes on when it is started again`, {
      actions: [
        { label: "Start the stack", command: "stigmer server start" },
        { label: "Follow the execution", command: `stigmer execution events -f ${executionId}` },
      ],
    });
  }
}

async function answers(client: ServerClient): Promise<boolean> {
  try {
    const { phase } = await client.request<{ phase: string }>("GET", "/health", undefined, {
      timeoutMs: LOOK_TIMEOUT_MS,
    });
    return phase === "running";
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}
