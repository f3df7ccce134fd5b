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
