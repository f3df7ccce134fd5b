import { AppError } from "../../../errors.ts";
import { type Check, fail } from "./check.ts";

/** A check that threw, in the words of its error: the cause, and the next step. */
export function failedCheck(name: string, error: unknown): Check {
  if (!(error instanceof AppError)) return fail(name, error instanceof Error ? error.message : String(error), null);
  const message =
    error.detail === null || error.message.includes(error.detail)
      ? error.message
      : `${error.message}: ${error.detail.split("\n").join("; ")}`;
  const commands = error.actions.map(({ label, command }) => `${label}: ${command}`);
  const hint = [error.hint, ...commands].filter((part) => part !== null).join("\n");
  return fail(name, message, hint === "" ? null : hint);
}
