import type { CommandSpec } from "../../command-spec.ts";
import { GLOBAL_TAKES } from "../../global-options.ts";
import type { OptionSpec } from "../../option-spec.ts";

export interface CompletionWord {
  word: string;
  summary: string;
}

/** What may follow a flag, or stand as an argument: a closed set, or a file. */
export type CompletionValues = { words: readonly string[] } | { files: true } | { anything: true };

/** What may be typed once the words of `path` stand on the line. */
export interface CompletionPoint {
  /** `""`, `server`, `server start`. */
  path: string;
  /** Commands of a group. */
  commands: CompletionWord[];
  flags: CompletionWord[];
  /** By flag, for those that take a value. */
  flagValues: { flags: string[]; values: CompletionValues }[];
  /** Of the first argument. */
  argument: CompletionValues | null;
}

export interface CompletionSource {
  commands: readonly CommandSpec[];
  groups: Readonly<Record<string, string>>;
  settingKeys: readonly string[];
}

/** Every place of a command line, so that the scripts of the shells only have to look one up. Pure. */
export function completionPoints(source: CompletionSource): CompletionPoint[] {
  const { commands, groups, settingKeys } = source;
  const alone = commands.filter(({ path }) => !path.includes(" "));
  const topLevel = [
    ...Object.entries(groups).map(([word, summary]) => ({ word, summary })),
    ...alone.map(({ path, summary }) => ({ word: path, summary })),
  ];
  const root = { ...pointOf("", {}, settingKeys), commands: topLevel };
  root.flags.push({ word: "--version", summary: "Print the version" });
  const groupPoints = Object.keys(groups).map((group) => ({
    ...pointOf(group, {}, settingKeys),
    commands: commands.flatMap(({ path, summary }) =>
      path.startsWith(`${group} `) ? [{ word: path.slice(group.length + 1), summary }] : [],
    ),
  }));
  return [root, ...groupPoints, ...commands.map(({ path, takes }) => pointOf(path, takes, settingKeys))];
}

function pointOf(path: string, takes: CommandSpec["takes"], settingKeys: readonly string[]): CompletionPoint {
  const specs = Object.values(takes);
  const options = [...specs.filter(({ kind }) => kind === "option"), ...Object.values(GLOBAL_TAKES)];
  const argument = specs.find(({ kind }) => kind === "argument");
  return {
    path,
    commands: [],
    flags: [
      ...options.flatMap((spec) => flagsOf(spec).map((word) => ({ word, summary: spec.summary }))),
      { word: "--help", summary: "Show this help" },
    ],
    flagValues: options
      .filter(({ isFlag }) => isFlag !== true)
      .map((spec) => ({ flags: flagsOf(spec), values: valuesOf(spec, settingKeys) })),
    argument: argument === undefined ? null : valuesOf(argument, settingKeys),
  };
}

function flagsOf(spec: OptionSpec<unknown>): string[] {
  return spec.syntax.match(/--?[\w-]+/g) ?? [];
}

function valuesOf(spec: OptionSpec<unknown>, settingKeys: readonly string[]): CompletionValues {
  if (spec.choices !== undefined) return { words: spec.choices };
  if (spec.completes === "setting") return { words: settingKeys };
  return spec.completes === "file" ? { files: true } : { anything: true };
}
