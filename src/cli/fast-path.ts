import type { GlobalOptions } from "./context.ts";
import type { Invocation } from "./invocation.ts";
import { ROOT_HELP } from "./root-help.ts";

/**
 * The few command lines that must cost next to nothing over bare Node, read without the parser, which takes about
 * 15 ms to load. Anything not exactly of these forms is null and goes the ordinary way.
 */
export function matchFastPath(argv: readonly string[], version: () => string): Invocation | null {
  const [only] = argv;
  if (argv.length === 0) return { kind: "text", text: ROOT_HELP };
  if (argv.length === 1 && (only === "--version" || only === "-V")) return { kind: "text", text: version() };
  if (argv.length === 1 && (only === "--help" || only === "-h" || only === "help")) {
    return { kind: "text", text: ROOT_HELP };
  }
  return matchServerCommand(argv);
}

/** `server status` and `server start`, with `--json`, `--home DIR`, `-q`, `--no-color` anywhere and nothing else. */
function matchServerCommand(argv: readonly string[]): Invocation | null {
  const globals: GlobalOptions = { home: undefined, json: false, quiet: false, debug: false, color: true };
  const words: string[] = [];
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--json") globals.json = true;
    else if (word === "-q" || word === "--quiet") globals.quiet = true;
    else if (word === "--no-color") globals.color = false;
    else if (word === "--home" && rest[0] !== undefined && !rest[0].startsWith("-")) globals.home = rest.shift();
    else if (word.startsWith("-")) return null;
    else words.push(word);
  }
  const command = words.join(" ");
  const run = words.length === 2 ? SERVER_COMMANDS[command] : undefined;
  return run === undefined ? null : { kind: "command", command, globals, run };
}

/** With the options that the parser would fill in. */
const SERVER_COMMANDS: Record<string, Extract<Invocation, { kind: "command" }>["run"]> = {
  async "server status"(context) {
    const { handle } = await import("./commands/server/status.ts");
    return handle({ watch: false }, context);
  },
  async "server start"(context) {
    const { handle } = await import("./commands/server/start.ts");
    return handle({ build: false, pull: false, timeoutMs: START_TIMEOUT_MS, dryRun: false }, context);
  },
};

/** The default of `--timeout`. */
const START_TIMEOUT_MS = 60_000;
