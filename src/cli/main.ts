import { AppError } from "../errors.ts";
import { packageVersion } from "../platform/package.ts";
import { createOutput } from "./output.ts";
import { runCli } from "./run-cli.ts";
import { createInterrupts, HANDLED_SIGNALS } from "./signals.ts";

/** How long a command that was forced may take before it is left behind. */
const FORCE_MS = 5_000;

const interrupts = createInterrupts({ nowMs: () => performance.now() });
for (const name of HANDLED_SIGNALS) process.on(name, () => interrupts.receive(name));

const fault = new Promise<never>((_resolve, reject) => {
  process.on("uncaughtException", reject);
  process.on("unhandledRejection", reject);
  interrupts.forceSignal.addEventListener("abort", () => {
    setTimeout(() => reject(new AppError("INTERRUPTED", "Interrupted; the command did not end in time")), FORCE_MS);
  });
});
fault.catch(() => undefined); // It is awaited in a race, where a rejection may come too late to be seen.

const onClosed = (): void => interrupts.stopForClosedOutput();
const stdout = createOutput({ open: () => process.stdout, onClosed });
const stderr = createOutput({ open: () => process.stderr, onClosed: () => undefined });

void main();

async function main(): Promise<void> {
  const exitCode = await runCli({
    argv: process.argv.slice(2),
    env: process.env,
    cwd: process.cwd(),
    get stdin() {
      return process.stdin; // Making it costs 3 ms, and few commands read it.
    },
    stdout,
    stderr,
    interrupts,
    fault,
    version: packageVersion,
  });
  // A pipe may hold text that the reader has not taken yet, and process.exit would drop it.
  await Promise.allSettled([stdout.drained(), stderr.drained()]);
  process.exit(exitCode);
}
