import type { ExecutionEvent } from "@stigmer/agent-runner/protocol";
import { sleep } from "../../../platform/clock.ts";
import { withDeadline } from "../../../platform/deadline.ts";
import type { ServerClient } from "../../../server/client.ts";
import type { CommandContext } from "../../context.ts";
import { followEvents } from "../execution/follow-events.ts";
import { RunPrinter } from "./run-printer.ts";

/** From the first Ctrl-C to the end of the command (product.md §13: 2 s in all). */
const CANCEL_TIMEOUT_MS = 1_750;
/** Then the terminal event is on its way, over another connection than the answer. */
const LAST_EVENT_MS = 150;

export interface AttachOptions {
  client: ServerClient;
  context: CommandContext;
  executionId: string;
}

/**
 * Shows an execution as it happens and returns its terminal event. The user's first signal cancels it; then the answer
 * is null, and the signal decides the exit code.
 */
export async function attach(options: AttachOptions & { kind: "agent" | "workflow" }): Promise<ExecutionEvent | null> {
  const { client, context, executionId, kind } = options;
  const printer = new RunPrinter(context, kind);
  const end = new AbortController();
  const streamEnded = new AbortController();
  const cancelled = onceAborted(context.signal, async () => {
    await cancel({ client, context, executionId });
    await sleep(LAST_EVENT_MS, { signal: streamEnded.signal }).catch(() => {}); // Ended before: so much the better.
    end.abort();
  });
  let last: ExecutionEvent | null = null;
  try {
    for await (const event of followEvents({ client, context, executionId, afterSeq: 0, signal: end.signal })) {
      await printer.print(event);
      last = event;
    }
  } finally {
    printer.end();
    streamEnded.abort();
    cancelled.forget();
  }
  if (!context.signal.aborted) return last;
  await cancelled.done();
  return null;
}

/** Bounded: a server that hangs must not hold a user who wants to leave. The second signal leaves at once. */
async function cancel({ client, context, executionId }: AttachOptions): Promise<void> {
  try {
    const path = `/v1/executions/${encodeURIComponent(executionId)}/cancel`;
    const { phase } = await withDeadline(
      (signal) => client.request<{ phase: string }>("POST", path, undefined, { signal }),
      {
        what: "the execution's end",
        timeoutMs: CANCEL_TIMEOUT_MS,
        signal: context.forceSignal,
      },
    );
    context.stderr.write(`Execution ${phase}\n`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    context.stderr.write(
      `The execution may still run (${reason}). End it with: stigmer execution cancel ${executionId}\n`,
    );
  }
}

function onceAborted(signal: AbortSignal, act: () => Promise<void>): { done(): Promise<void>; forget(): void } {
  let running: Promise<void> | null = null;
  const onAbort = (): void => {
    running ??= act();
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  return {
    done: async () => {
      await running;
    },
    forget: () => signal.removeEventListener("abort", onAbort),
  };
}
