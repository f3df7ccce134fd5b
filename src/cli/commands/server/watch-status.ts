import { AppError } from "../../../errors.ts";
import { sleep, systemClock } from "../../../platform/clock.ts";
import { ServerClient, ServerGoneError } from "../../../server/client.ts";
import { RemoteStack } from "../../../server/remote-stack.ts";
import { findSocketPath } from "../../../server/socket-path.ts";
import type { StackStatus } from "../../../stack/component.ts";
import type { CommandContext } from "../../context.ts";
import { renderStatus } from "../../render/status.ts";
import { readStatus } from "./status.ts";

/** Without a server nobody tells of changes, so they are looked for. */
const LOOK_INTERVAL_MS = 1_000;

/** Prints the status, and again after every change, until the user ends it. */
export async function watchStatus(context: CommandContext): Promise<void> {
  let last = "";
  const print = async (status: StackStatus): Promise<void> => {
    const text = JSON.stringify(status);
    if (text === last) return;
    last = text;
    await show(status, context);
  };
  while (!context.signal.aborted) {
    try {
      const stack = new RemoteStack(new ServerClient(findSocketPath(context.paths)));
      for await (const status of stack.watch(context.signal)) await print(status);
    } catch (error) {
      if (context.signal.aborted) break;
      const isGone = error instanceof ServerGoneError || (error instanceof AppError && error.code === "NOT_RUNNING");
      if (!isGone) throw error;
    }
    if (context.signal.aborted) break;
    await print(await readStatus(context));
    await sleep(LOOK_INTERVAL_MS, { clock: systemClock, signal: context.signal }).catch(() => {}); // Ended by the user.
  }
}

async function show(status: StackStatus, context: CommandContext): Promise<void> {
  const { stdout, globals } = context;
  if (globals.json) stdout.write(`${JSON.stringify({ type: "status", ...status })}\n`);
  else {
    if (stdout.isTTY) stdout.write("\u001b[H\u001b[2J");
    stdout.write(`${renderStatus(status, { color: globals.color, nowMs: Date.now() })}\n`);
    if (!stdout.isTTY) stdout.write("\n");
  }
  await stdout.drained();
}
