import { settingKeys } from "../../../config/schema.ts";
import type { CommandHandler } from "../../context.ts";
import { COMMANDS, GROUPS } from "../../table.ts";
import { bashCompletion } from "./bash.ts";
import { fishCompletion } from "./fish.ts";
import { completionPoints } from "./points.ts";
import { zshCompletion } from "./zsh.ts";

export interface CompletionOptions {
  shell: "bash" | "zsh" | "fish";
}

/** Prints a script; where to put it is said in its first lines. */
export const handle: CommandHandler<CompletionOptions> = async ({ shell }) => {
  const points = completionPoints({ commands: COMMANDS, groups: GROUPS, settingKeys: settingKeys() });
  const script = WRITERS[shell](points, Object.keys(GROUPS));
  return { data: { shell, script }, text: script };
};

const WRITERS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };
