import type { CommandContext, CommandResult, GlobalOptions } from "./context.ts";

/** What a command line asks for. */
export type Invocation =
  | { kind: "text"; text: string }
  | {
      kind: "command";
      /** As the envelope names it: `server status`. */
      command: string;
      globals: GlobalOptions;
      run(context: CommandContext): Promise<CommandResult | null>;
    };
