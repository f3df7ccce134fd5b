import type { GlobalOptions, Output } from "./context.ts";

/** Whether the environment lets colour through at all: NO_COLOR, CI and TERM=dumb do not. */
export function allowsColor(env: NodeJS.ProcessEnv): boolean {
  return !env["NO_COLOR"] && !isPlain(env);
}

/** Whether to leave out spinners and everything else that redraws: in CI and on a dumb terminal. */
function isPlain(env: NodeJS.ProcessEnv): boolean {
  return (env["CI"] !== undefined && env["CI"] !== "" && env["CI"] !== "false") || env["TERM"] === "dumb";
}

/** Colour on this output: it is a terminal, and neither a flag nor the environment forbids it. */
export function isColored(globals: GlobalOptions, output: Output): boolean {
  return globals.color && output.isTTY;
}
