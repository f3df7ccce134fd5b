import type { GlobalOptions } from "./context.ts";

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
