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
  return matchStatus(argv);
}

/** `server status` with `--json`, `--home DIR`, `-q`, `--no-color` anywhere. */
function matchStatus(argv: readonly string[]): Invocation | null {
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
  if (words.length !== 2 || words[0] !== "server" || words[1] !== "status") return null;
  return {
    kind: "command",
    command: "server status",
    globals,
    async run(context) {
      const { handle } = await import("./commands/server/status.ts");
      return handle({ watch: false }, context);
    },
  };
}
