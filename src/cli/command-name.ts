import { COMMANDS, GROUPS } from "./table.ts";

/** The command, or else the group, that a line means, though it could not be parsed; empty when neither is known. */
export function commandNameOf(argv: readonly string[]): string {
  const words = argv.filter((word, index) => !word.startsWith("-") && argv[index - 1] !== "--home");
  const [first = "", second = ""] = words;
  const known = [`${first} ${second}`, first].find((name) => COMMANDS.some((spec) => spec.path === name));
  return known ?? (Object.hasOwn(GROUPS, first) ? first : "");
}
