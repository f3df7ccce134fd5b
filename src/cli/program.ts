import { nearestName } from "@stigmer/agent-runner/nearest";
import { Command, CommanderError, Option } from "commander";
import { AppError } from "../errors.ts";
import { commandNameOf, wordsOf } from "./command-name.ts";
import type { CommandSpec } from "./command-spec.ts";
import type { GlobalOptions } from "./context.ts";
import { GLOBAL_TAKES } from "./global-options.ts";
import type { Invocation } from "./invocation.ts";
import type { OptionSpec } from "./option-spec.ts";
import { ROOT_HELP } from "./root-help.ts";
import { COMMANDS, GROUPS } from "./table.ts";

/**
 * Reads a command line by the table of commands. Nothing is printed and nothing runs here.
 * @throws AppError USAGE, with the nearest command or option as its hint.
 */
export async function parseCommandLine(argv: readonly string[], version: string): Promise<Invocation> {
  const printed: string[] = [];
  let invocation: Invocation | null = null;
  const program = buildProgram({
    version,
    print: (text) => printed.push(text),
    choose: (chosen) => {
      invocation = chosen;
    },
  });
  try {
    refuseUnknownTopic(program, argv);
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (!PRINTING_CODES.includes(error.code)) throw usageError(error, argv);
  }
  return invocation ?? { kind: "text", text: printed.join("").trimEnd() };
}

/** Help and version, asked for or shown for a group without a command. */
const PRINTING_CODES = ["commander.help", "commander.helpDisplayed", "commander.version"];

const GLOBAL_GROUP = "Global options:";

interface Wiring {
  version: string;
  print: (text: string) => void;
  choose: (invocation: Invocation) => void;
}

function buildProgram(wiring: Wiring): Command {
  const globals = Object.values(GLOBAL_TAKES).map((spec) => optionOf(spec).helpGroup(GLOBAL_GROUP));
  const program = configure(new Command("stigmer"), { globals, wiring })
    .version(wiring.version, "-V, --version", "Print the version")
    .helpCommand("help [command]", "Show the help of a command");
  program.helpInformation = () => `${ROOT_HELP}\n`;
  const groups = new Map<string, Command>();
  for (const [name, summary] of Object.entries(GROUPS)) {
    groups.set(name, configure(program.command(name).description(summary).helpCommand(false), { globals, wiring }));
  }
  for (const spec of COMMANDS) {
    const [first = "", second] = spec.path.split(" ");
    const parent = second === undefined ? program : (groups.get(first) ?? program);
    configure(addCommand(parent.command(second ?? first), spec, wiring), { globals, wiring });
  }
  return program;
}

function configure(command: Command, shared: { globals: readonly Option[]; wiring: Wiring }): Command {
  const print = shared.wiring.print;
  command
    .exitOverride()
    // What commander would print as an error is thrown too, and rendered with the other errors.
    .configureOutput({ writeOut: print, writeErr: () => undefined, outputError: () => undefined })
    .enablePositionalOptions()
    .addHelpOption(new Option("-h, --help", "Show this help").helpGroup(GLOBAL_GROUP));
  for (const option of shared.globals) command.addOption(option);
  // A group named without a command shows its help and succeeds, as `docker container` does.
  command.help = () => {
    print(command.helpInformation());
    throw new CommanderError(0, "commander.help", "(outputHelp)");
  };
  return command;
}

function addCommand(command: Command, spec: CommandSpec, wiring: Wiring): Command {
  command.description(spec.summary);
  for (const taken of Object.values(spec.takes)) {
    if (taken.kind === "option") command.addOption(optionOf(taken));
    else command.argument(taken.syntax, taken.summary);
  }
  return command.action((...given: unknown[]) => {
    const values = valuesOf(command, spec, given);
    wiring.choose({
      kind: "command",
      command: spec.path,
      globals: globalsOf(command),
      run: (context) => spec.run(values, context),
    });
  });
}

function optionOf(spec: OptionSpec<unknown>): Option {
  const option = new Option(spec.syntax, spec.summary);
  if (spec.choices !== undefined) option.argChoices = [...spec.choices];
  if (spec.required === true) option.makeOptionMandatory();
  if (spec.isFlag === true) return option;
  option.argParser<unknown>((text, before) => spec.read(text, before));
  if (spec.fallbackText !== undefined) option.default(spec.fallback, spec.fallbackText);
  return option;
}

/** From commander's values, by its own names, to the names of the handler. */
function valuesOf(command: Command, spec: CommandSpec, given: readonly unknown[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  let position = 0;
  for (const [name, taken] of Object.entries(spec.takes)) {
    const value = taken.kind === "argument" ? readArgument(taken, given[position++]) : readOption(command, taken);
    const chosen = value ?? taken.fallback;
    if (chosen !== undefined) values[name] = chosen;
  }
  return values;
}

function readArgument(spec: OptionSpec<unknown>, text: unknown): unknown {
  return typeof text === "string" ? spec.read(text, undefined) : undefined;
}

function readOption(command: Command, spec: OptionSpec<unknown>): unknown {
  const option = optionOf(spec);
  const value: unknown = command.getOptionValue(option.attributeName());
  if (spec.isFlag !== true) return value;
  // Commander holds `--no-x` as x = false; ours are named for what they say.
  return value === !option.negate ? spec.read("", undefined) : undefined;
}

/** A flag counts wherever it was given; of two homes the one nearest to the end of the line. */
function globalsOf(command: Command): GlobalOptions {
  const globals: GlobalOptions = { home: undefined, json: false, quiet: false, debug: false, color: true };
  for (let at: Command | null = command; at !== null; at = at.parent) {
    const home: unknown = at.getOptionValue("home");
    if (globals.home === undefined && typeof home === "string") globals.home = home;
    globals.json ||= at.getOptionValue("json") === true;
    globals.quiet ||= at.getOptionValue("quiet") === true;
    globals.debug ||= at.getOptionValue("debug") === true;
    globals.color &&= at.getOptionValue("color") !== false;
  }
  return globals;
}

/** Commander writes `error: unknown command 'x'`, then `(Did you mean y?)` on a line of its own. */
function usageError(error: CommanderError, argv: readonly string[]): AppError {
  const [sentence = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  const clause = sentence.replace(". Expected", ", expected").replace(/\.$/, "");
  const message = clause.charAt(0).toUpperCase() + clause.slice(1);
  const name = commandNameOf(argv);
  const help = ["stigmer", name, "--help"].filter((word) => word !== "").join(" ");
  return new AppError("USAGE", message, {
    hint: suggestion?.replace(/^\((.*)\)$/, "$1") ?? ownHint(error, name, argv),
    actions: [{ label: "See how it is used", command: help }],
    cause: error,
  });
}

/** What commander does not know to suggest. */
function ownHint({ code }: CommanderError, name: string, argv: readonly string[]): string | null {
  if (code === "commander.excessArguments") return COMMANDS.find(({ path }) => path === name)?.excessHint ?? null;
  return code === "commander.unknownCommand" && wordsOf(argv)[0] === "version" ? "Did you mean --version?" : null;
}

/** Commander shows the whole help for `help nosuch`, as if that were what was asked for. */
function refuseUnknownTopic(program: Command, argv: readonly string[]): void {
  const [first, topic] = wordsOf(argv);
  if (first !== "help" || topic === undefined) return;
  const names = program.commands.map((command) => command.name());
  if (names.includes(topic) || topic === "help") return;
  const nearest = nearestName(topic, names);
  throw new AppError("USAGE", `Unknown command '${topic}'`, {
    hint: nearest === null ? null : `Did you mean ${nearest}?`,
    actions: [{ label: "See all commands", command: "stigmer --help" }],
  });
}
