import { matchFastPath } from "./fast-path.ts";
import type { Invocation } from "./invocation.ts";
import type { WatchedOutput } from "./output.ts";
import { createReporter, type Reporter } from "./reporter.ts";
import { scanGlobalOptions } from "./scan-globals.ts";
import type { Interrupts } from "./signals.ts";

/** The process around a command, handed in so that tests can be one. */
export interface CliHost {
  argv: readonly string[];
  env: NodeJS.ProcessEnv;
  cwd: string;
  readonly stdin: NodeJS.ReadableStream;
  stdout: WatchedOutput;
  stderr: WatchedOutput;
  interrupts: Interrupts;
  /** Rejects when the process cannot go on: an uncaught exception, or a command that does not end though forced. */
  fault: Promise<never>;
  version: () => string;
}

/** Runs one command line to its end and returns the exit code. Never rejects: a failure is rendered here. */
export async function runCli(host: CliHost): Promise<number> {
  const { argv, env, stdout, stderr, interrupts } = host;
  const reporter = createReporter({
    command: "",
    globals: scanGlobalOptions(argv),
    env,
    stdout,
    stderr,
    interrupts,
  });
  let exitCode: number;
  let invocation: Invocation | null = null;
  try {
    invocation = await readInvocation(host);
    exitCode = await Promise.race([runInvocation(host, invocation, reporter), host.fault]);
  } catch (error) {
    if (invocation === null) await nameUnparsed(argv, reporter);
    exitCode = await reporter.fail(error);
  }
  if (interrupts.forceSignal.aborted && invocation?.kind === "command") await tellLeftovers(host, invocation);
  return exitCode;
}

async function readInvocation(host: CliHost): Promise<Invocation> {
  const fast = matchFastPath(host.argv, host.version);
  if (fast !== null) return fast;
  const { parseCommandLine } = await import("./program.ts");
  return parseCommandLine(host.argv, host.version());
}

async function nameUnparsed(argv: readonly string[], reporter: Reporter): Promise<void> {
  const { commandNameOf } = await import("./command-name.ts");
  reporter.begin(commandNameOf(argv), scanGlobalOptions(argv));
}

async function runInvocation(host: CliHost, invocation: Invocation, reporter: Reporter): Promise<number> {
  if (invocation.kind === "text") {
    host.stdout.write(`${invocation.text}\n`);
    await host.stdout.drained();
    return 0;
  }
  reporter.begin(invocation.command, invocation.globals);
  // Loaded here, so that `--version` and `--help` need not wait for it.
  const { createContext } = await import("./create-context.ts");
  const result = await invocation.run(createContext(host, invocation.globals, reporter));
  // A follow or a watch that a signal ended returns as if it had come to its own end.
  if (result === null) return host.interrupts.exitCode() ?? 0;
  reporter.succeed(result.data, result.text);
  await host.stdout.drained();
  return result.exitCode ?? 0;
}

const STACK_COMMANDS = ["server start", "server stop", "server restart"];
const DEPLOY_COMMANDS = ["deploy up", "deploy down"];

async function tellLeftovers(host: CliHost, invocation: Extract<Invocation, { kind: "command" }>): Promise<void> {
  if (![...STACK_COMMANDS, ...DEPLOY_COMMANDS].includes(invocation.command)) return;
  const [{ findDeploymentLeftovers, findLeftovers }, { homePaths, resolveHome }] = await Promise.all([
    import("./leftovers.ts"),
    import("../platform/paths.ts"),
  ]);
  const find = DEPLOY_COMMANDS.includes(invocation.command) ? findDeploymentLeftovers : findLeftovers;
  const left = await find(homePaths(resolveHome(invocation.globals.home, host.env)));
  if (left === null) return;
  host.stderr.write(`Left behind: ${left.lines.join(", ")}\nRemove it with: ${left.command}\n`);
}
