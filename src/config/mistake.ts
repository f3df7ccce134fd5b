import { AppError } from "../errors.ts";

/** One thing wrong with the configuration: a sentence that names the file and line, the variable or the flag. */
export type Mistake = string;

/** All mistakes in one error, so that nobody has to correct them one run at a time. */
export function configInvalid(mistakes: readonly Mistake[], configFile: string): AppError {
  const [first] = mistakes;
  if (mistakes.length === 1 && first !== undefined) return new AppError("CONFIG_INVALID", first, { hint: HINT });
  return new AppError("CONFIG_INVALID", `The configuration has ${mistakes.length} mistakes (${configFile})`, {
    detail: mistakes.join("\n"),
    hint: HINT,
  });
}

/** `"abc"`, `8`, `a list`: a wrong value inside a sentence, never longer than a line. */
export function describeValue(raw: unknown): string {
  if (raw === null || raw === undefined) return "nothing";
  if (Array.isArray(raw)) return "a list";
  if (typeof raw === "object") return "a section";
  const text = typeof raw === "string" ? JSON.stringify(raw) : String(raw);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

const HINT = "Correct it and try again; nothing was changed, and defaults never take the place of a damaged file";
