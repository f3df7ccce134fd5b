import type { GlobalOptions } from "./context.ts";
import { flag, type OptionSpec, text } from "./option-spec.ts";

/** Flags that every command takes, before and after its name. */
export const GLOBAL_TAKES: { readonly [Name in keyof GlobalOptions]: OptionSpec<unknown> } = {
  home: text("--home <directory>", "Home of the stack; else $STIGMER_HOME, else ~/.stigmer", { completes: "file" }),
  json: flag("--json", "One JSON document on stdout, or one record a line for streams"),
  quiet: flag("-q, --quiet", "No progress on stderr"),
  debug: flag("--debug", "Show what is done, and stacks of unexpected errors"),
  color: flag("--no-color", "No colour"),
};

/**
 * The global flags of a command line that could not be parsed, so that its error still comes out in the form that was
 * asked for.
 */
export function scanGlobalOptions(argv: readonly string[]): GlobalOptions {
  const end = argv.indexOf("--");
  const words = end === -1 ? argv : argv.slice(0, end);
  const given = (...names: string[]): boolean => names.some((name) => words.includes(name));
  const home = words.find((word) => word.startsWith("--home="))?.slice("--home=".length);
  const next = words.includes("--home") ? words[words.indexOf("--home") + 1] : undefined;
  return {
    home: home ?? next,
    json: given("--json"),
    quiet: given("-q", "--quiet"),
    debug: given("--debug"),
    color: !given("--no-color"),
  };
}
