import type { CompletionPoint, CompletionValues } from "./points.ts";

/** A script for `source <(stigmer completion bash)`. Works with bash 3.2, which macOS has, without bash-completion. */
export function bashCompletion(points: readonly CompletionPoint[], groups: readonly string[]): string {
  return `# bash completion for stigmer; load it with: source <(stigmer completion bash)
_stigmer() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" at="" word="" skip="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if [[ -n "$skip" ]]; then skip=""; continue; fi
    case "$word" in
      --home) skip=1; continue ;;
      -*) continue ;;
    esac
    case "$at" in
      "") at="$word" ;;
      ${groups.join("|")}) at="$at $word" ;;
    esac
  done
  COMPREPLY=()
  case "$at:$prev" in
${points.flatMap(flagValueCases).join("\n")}
  esac
  if [[ "$cur" == -* ]]; then
    case "$at" in
${points.map(flagCase).join("\n")}
    esac
    return
  fi
  case "$at" in
${points.flatMap(wordCase).join("\n")}
  esac
}
complete -F _stigmer stigmer`;
}

function flagValueCases({ path, flagValues }: CompletionPoint): string[] {
  return flagValues.map(({ flags, values }) => {
    const patterns = flags.map((flag) => `"${path}:${flag}"`).join("|");
    return `    ${patterns}) ${replyWith(values)}return ;;`;
  });
}

function flagCase({ path, flags }: CompletionPoint): string {
  return `      "${path}") ${replyWith({ words: flags.map(({ word }) => word) })};;`;
}

function wordCase({ path, commands, argument }: CompletionPoint): string[] {
  const values = commands.length > 0 ? { words: commands.map(({ word }) => word) } : argument;
  return values === null ? [] : [`    "${path}") ${replyWith(values)};;`];
}

function replyWith(values: CompletionValues): string {
  if ("words" in values) return `COMPREPLY=($(compgen -W "${values.words.join(" ")}" -- "$cur")); `;
  return "files" in values ? `compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur")); ` : "";
}
