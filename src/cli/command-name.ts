import { COMMANDS, GROUPS } from "./table.ts";

/** The command, or else the group, that a line means, though it could not be parsed; empty when neither is known. */
export function commandNameOf(argv: readonly string[]): string {
  const [first = "", second = ""] = wordsOf(argv);
  const known = [`${first} ${second}`, first].find((name) => COMMANDS.some((spec) => spec.path === name));
  return known ?? (Object.hasOwn(GROUPS, first) ? first : "");
}

/** What of a line is neither a flag nor the home. */
export function wordsOf(argv: readonly string[]): string[] {
  return argv.filter((word, index) => !word.startsWith("-") && argv[index - 1] !== "--home");
}
