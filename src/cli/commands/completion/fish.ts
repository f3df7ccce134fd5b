import type { CompletionPoint, CompletionValues } from "./points.ts";

/** A script for `stigmer completion fish | source`, or for `~/.config/fish/completions/stigmer.fish`. */
export function fishCompletion(points: readonly CompletionPoint[], groups: readonly string[]): string {
  return `# fish completion for stigmer; load it with: stigmer completion fish | source
function __stigmer_at
    set -l at
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case --home
                set skip 1
            case '-*'
            case '*'
                if test (count $at) = 0
                    set at $word
                else if test (count $at) = 1; and contains -- $at[1] ${groups.join(" ")}
                    set at $at $word
                end
        end
    end
    test "$at" = "$argv"
end
complete -c stigmer -f
${points.flatMap(linesOf).join("\n")}`;
}

function linesOf(point: CompletionPoint): string[] {
  const { path, commands, flags, flagValues, argument } = point;
  const condition = `complete -c stigmer -n '__stigmer_at ${path}'`;
  const taking = flagValues.map(
    ({ flags: names, values }) =>
      `${condition} ${names.map(option).join(" ")} ${replyWith(values)} -d ${quote(summaryOf(point, names))}`,
  );
  const taken = new Set(flagValues.flatMap(({ flags: names }) => names));
  return [
    ...commands.map(({ word, summary }) => `${condition} -a ${quote(word)} -d ${quote(summary)}`),
    ...flags
      .filter(({ word }) => !taken.has(word))
      .map(({ word, summary }) => `${condition} ${option(word)} -d ${quote(summary)}`),
    ...taking,
    ...(argument === null || "anything" in argument ? [] : [argumentLine(condition, argument)]),
  ];
}

function argumentLine(condition: string, values: CompletionValues): string {
  return "words" in values ? `${condition} -a ${quote(values.words.join(" "))}` : `${condition} -F`;
}

function option(flag: string): string {
  return flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`;
}

function summaryOf({ flags }: CompletionPoint, names: readonly string[]): string {
  return flags.find(({ word }) => names.includes(word))?.summary ?? "";
}

function replyWith(values: CompletionValues): string {
  if ("words" in values) return `-x -a ${quote(values.words.join(" "))}`;
  return "files" in values ? "-r -F" : "-x";
}

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
