import { AppError } from "../errors.ts";
import { homePaths, resolveHome } from "../platform/paths.ts";
import { allowsColor } from "./color.ts";
import type { CommandContext, GlobalOptions } from "./context.ts";
import type { Reporter } from "./reporter.ts";
import type { CliHost } from "./run-cli.ts";

/** What a command gets of the process around it. @throws AppError USAGE when `--home` is empty. */
export function createContext(host: CliHost, globals: GlobalOptions, reporter: Reporter): CommandContext {
  // An empty variable after --home would make the working directory the home.
  if (globals.home === "") throw new AppError("USAGE", "--home must name a directory, and what was given is empty");
  const isSilent = globals.quiet || globals.json;
  return {
    // What a handler prints goes to stdout, so stdout decides; what goes to stderr asks for that terminal as well.
    globals: { ...globals, color: globals.color && allowsColor(host.env) && host.stdout.isTTY },
    paths: homePaths(resolveHome(globals.home, host.env)),
    env: host.env,
    cwd: host.cwd,
    get stdin() {
      return host.stdin;
    },
    stdout: host.stdout,
    stderr: host.stderr,
    signal: host.interrupts.signal,
    forceSignal: host.interrupts.forceSignal,
    warn: (sentence) => reporter.warn(sentence),
    progress(line) {
      if (!isSilent) host.stderr.write(`${line}\n`);
    },
  };
}
