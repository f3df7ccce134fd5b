import { didYouMean } from "../config/nearest.ts";
import { AppError } from "../errors.ts";
import { COMPONENT_NAMES, type ComponentName } from "../stack/component.ts";
import { readDuration, readMoment } from "./times.ts";

/** How one option or argument of a command is written, read and completed. Plain data, no parser's type. */
export interface OptionSpec<Value> {
  kind: "option" | "argument";
  /** `-n, --tail <n>` of an option; `<key>`, `[ref]` of an argument. */
  syntax: string;
  summary: string;
  /** The value when it is not given; without one the option must or may be absent. */
  fallback?: Value;
  /** What the help shows as the default. */
  fallbackText?: string;
  required?: boolean;
  isFlag?: boolean;
  repeatable?: boolean;
  /** Values to complete; those of a closed set. */
  choices?: readonly string[];
  /** What the shell should complete. */
  completes?: "file" | "setting";
  /** Reads the text of one use; `before` is the value of the uses so far. */
  read(text: string, before: Value | undefined): Value;
}

type Extra<Value> = Partial<Omit<OptionSpec<Value>, "kind" | "syntax" | "summary" | "read">>;

export function flag(syntax: string, summary: string): OptionSpec<boolean> {
  return { kind: "option", syntax, summary, isFlag: true, fallback: false, read: () => true };
}

/** `--no-x`: true unless given. */
export function negatedFlag(syntax: string, summary: string): OptionSpec<boolean> {
  return { kind: "option", syntax, summary, isFlag: true, fallback: true, read: () => false };
}

export function text(syntax: string, summary: string, extra: Extra<string> = {}): OptionSpec<string> {
  return { kind: "option", syntax, summary, read: (given) => given, ...extra };
}

export function texts(syntax: string, summary: string, extra: Extra<string[]> = {}): OptionSpec<string[]> {
  return {
    kind: "option",
    syntax,
    summary,
    repeatable: true,
    fallback: [],
    read: (given, before = []) => [...before, given],
    ...extra,
  };
}

export function argument(syntax: string, summary: string, extra: Extra<string> = {}): OptionSpec<string> {
  return { ...text(syntax, summary, extra), kind: "argument" };
}

export function choice<Name extends string>(
  syntax: string,
  summary: string,
  choices: readonly Name[],
): OptionSpec<Name> {
  return { kind: "option", syntax, summary, choices, read: (given) => readChoice(given, nameOf(syntax), choices) };
}

export function choiceArgument<Name extends string>(
  syntax: string,
  summary: string,
  choices: readonly Name[],
): OptionSpec<Name> {
  return { ...choice(syntax, summary, choices), kind: "argument" };
}

export function component(syntax: string, summary: string): OptionSpec<ComponentName> {
  return { kind: "option", syntax, summary, choices: COMPONENT_NAMES, read: (given) => readComponent(given) };
}

export function components(syntax: string, summary: string): OptionSpec<ComponentName[]> {
  return {
    kind: "option",
    syntax,
    summary,
    choices: COMPONENT_NAMES,
    repeatable: true,
    fallback: [],
    read: (given, before = []) => [...before, readComponent(given)],
  };
}

/** Milliseconds, given as `30s`; `fallback` is written the same way. */
export function duration(
  syntax: string,
  summary: string,
  fallback: string,
  { mayBeZero = false } = {},
): OptionSpec<number> {
  const read = (given: string): number => readDuration(given, nameOf(syntax), { mayBeZero });
  return { kind: "option", syntax, summary, fallback: read(fallback), fallbackText: fallback, read };
}

/** As {@link duration}, null when not given. */
export function optionalDuration(syntax: string, summary: string): OptionSpec<number | null> {
  return { kind: "option", syntax, summary, fallback: null, read: (given) => readDuration(given, nameOf(syntax)) };
}

export function moment(syntax: string, summary: string): OptionSpec<number | null> {
  return {
    kind: "option",
    syntax,
    summary,
    fallback: null,
    read: (given) => readMoment(given, nameOf(syntax), Date.now()),
  };
}

export interface Range {
  least: number;
  most: number;
  fallback: number;
}

export function wholeNumber(syntax: string, summary: string, range: Range): OptionSpec<number> {
  return {
    kind: "option",
    syntax,
    summary,
    fallback: range.fallback,
    fallbackText: String(range.fallback),
    read(given) {
      const number = readWholeNumber(given);
      if (number !== null && number >= range.least && number <= range.most) return number;
      const limits = `from ${range.least}${range.most === Number.MAX_SAFE_INTEGER ? "" : ` to ${range.most}`}`;
      throw new AppError("USAGE", `${nameOf(syntax)} must be a whole number ${limits}, not "${given}"`);
    },
  };
}

export function tail(syntax: string, summary: string, fallback: number): OptionSpec<number | "all"> {
  return {
    kind: "option",
    syntax,
    summary,
    fallback,
    fallbackText: String(fallback),
    read(given) {
      const number = given === "all" ? "all" : readWholeNumber(given);
      if (number !== null) return number;
      throw new AppError("USAGE", `${nameOf(syntax)} must be a number of lines such as 100, or all, not "${given}"`);
    },
  };
}

export function pattern(syntax: string, summary: string): OptionSpec<RegExp | null> {
  return {
    kind: "option",
    syntax,
    summary,
    fallback: null,
    read(given) {
      try {
        return new RegExp(given);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new AppError("USAGE", `${nameOf(syntax)} is no regular expression: ${reason}`);
      }
    },
  };
}

/** `--tail` of `-n, --tail <n>`; `KEY` of `<key>`. */
function nameOf(syntax: string): string {
  return /--[\w-]+/.exec(syntax)?.[0] ?? syntax.replace(/[<>[\].]/g, "").toUpperCase();
}

function readComponent(given: string): ComponentName {
  const name = COMPONENT_NAMES.find((known) => known === given);
  if (name !== undefined) return name;
  throw new AppError("USAGE", `There is no component "${given}"${didYouMean(given, COMPONENT_NAMES)}`, {
    hint: `The components are ${COMPONENT_NAMES.join(", ")}`,
  });
}

function readChoice<Name extends string>(given: string, what: string, choices: readonly Name[]): Name {
  const name = choices.find((known) => known === given);
  if (name !== undefined) return name;
  throw new AppError("USAGE", `${what} must be ${choices.join(" or ")}, not "${given}"${didYouMean(given, choices)}`);
}

function readWholeNumber(given: string): number | null {
  return /^\d{1,15}$/.test(given) ? Number(given) : null;
}
