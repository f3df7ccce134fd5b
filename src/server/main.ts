import { AppError } from "../errors.ts";
import { LAUNCH_ORDER_VARIABLE, type LaunchCommand, type LaunchOrder, type LaunchReport } from "./launch-order.ts";
import { ServerProcess } from "./server-process.ts";

const INTERRUPTED = new AppError("INTERRUPTED", "The start was interrupted");

void main();

async function main(): Promise<void> {
  const order = JSON.parse(process.env[LAUNCH_ORDER_VARIABLE] ?? "null") as LaunchOrder | null;
  if (order === null) {
    process.stderr.write("This is the server of stigmer; start it with `stigmer server start`.\n");
    process.exit(2);
  }
  const server = new ServerProcess(order);
  process.on("unhandledRejection", (error) => server.reportFault(error, "unhandled rejection"));
  const interrupted = new AbortController();
  let isStarting = true;
  const onSignal = (): void => {
    if (isStarting) interrupted.abort(INTERRUPTED);
    else void server.stop();
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, onSignal);
  process.on("message", (command: LaunchCommand) => {
    if (command.type === "cancel") onSignal();
  });

  try {
    await server.open();
    await report({ type: "started", pid: process.pid });
    const status = await server.start(interrupted.signal, (event) => void report({ type: "event", event }));
    isStarting = false;
    await report({ type: "ready", status });
  } catch (error) {
    server.reportFault(error, "the start failed");
    // A stop that ended this start is still at work, and nothing is kept after it.
    if (server.isStopping) await server.ended;
    await server.close({ keepGrant: server.leavesSomething });
    // Said last: whoever hears it may start again at once.
    await report({ type: "failed", error: toBody(error) });
    process.exit(1);
  }
  if (process.connected) process.disconnect();
  await server.ended;
  await server.close({ keepGrant: false });
  process.exit(0);
}

/** Tells the launcher, as long as there is one; a launcher that was killed is no reason to stop. */
function report(message: LaunchReport): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected || process.send === undefined) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });
}

function toBody(error: unknown): ReturnType<AppError["toBody"]> {
  if (error instanceof AppError) return error.toBody();
  return new AppError("INTERNAL", error instanceof Error ? error.message : String(error)).toBody();
}
