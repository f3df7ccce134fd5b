import type { CommandContext, CommandHandler, CommandResult } from "./context.ts";
import type { OptionSpec } from "./option-spec.ts";

/** One command as data: the parser, the help, the completions and the suggestions are all made from it. */
export interface CommandSpec {
  /** `server start`. */
  path: string;
  summary: string;
  /** By the name under which the handler gets it; arguments come in the order they are typed. */
  takes: Readonly<Record<string, OptionSpec<unknown>>>;
  /** Said to who types a word too many. */
  excessHint?: string;
  /** Loads the handler's file, and only then runs it. */
  run(values: Record<string, unknown>, context: CommandContext): Promise<CommandResult | null>;
}

/** What a handler of `Options` must be given: one spec a member, optional members without a fallback. */
type Takes<Options> = { [Name in keyof Options]-?: OptionSpec<Exclude<Options[Name], undefined>> };

export interface CommandDefinition<Options> {
  path: string;
  summary: string;
  takes: Takes<NoInfer<Options>>;
  excessHint?: string;
  load: () => Promise<{ handle: CommandHandler<Options> }>;
}

/** Checks at compile time that the options of the table are the options of the handler. */
export function command<Options>(definition: CommandDefinition<Options>): CommandSpec {
  const { path, summary, takes, excessHint, load } = definition;
  return {
    path,
    summary,
    ...(excessHint === undefined ? {} : { excessHint }),
    takes: takes as Record<string, OptionSpec<unknown>>,
    async run(values, context) {
      const { handle } = await load();
      // The parsed boundary: `takes`, checked against Options above, produced every value.
      return handle(values as Options, context);
    },
  };
}
