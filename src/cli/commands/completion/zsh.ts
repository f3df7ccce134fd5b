import type { CompletionPoint, CompletionValues, CompletionWord } from "./points.ts";

/** A script for `source <(stigmer completion zsh)`, or to be saved as `_stigmer` in a folder of `$fpath`. */
export function zshCompletion(points: readonly CompletionPoint[], groups: readonly string[]): string {
  return `#compdef stigmer
# zsh completion for stigmer; load it with: source <(stigmer completion zsh)
_stigmer() {
  local at="" word="" skip="" cur="\${words[CURRENT]}" prev="\${words[CURRENT-1]}"
  local -a entries
  for word in "\${(@)words[2,CURRENT-1]}"; do
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
  case "$at:$prev" in
${points.flatMap(flagValueCases).join("\n")}
  esac
  if [[ "$cur" == -* ]]; then
    case "$at" in
${points.map(({ path, flags }) => `      "${path}") ${describe("option", flags)} ;;`).join("\n")}
    esac
    return
  fi
  case "$at" in
${points.flatMap(wordCase).join("\n")}
  esac
}
if [[ "\${funcstack[1]:-}" == _stigmer ]]; then
  _stigmer "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
  compdef _stigmer stigmer
fi`;
}

function flagValueCases({ path, flagValues }: CompletionPoint): string[] {
  return flagValues.map(({ flags, values }) => {
    const patterns = flags.map((flag) => `"${path}:${flag}"`).join("|");
    return `    ${patterns}) ${replyWith(values)}; return ;;`;
  });
}

function wordCase({ path, commands, argument }: CompletionPoint): string[] {
  if (commands.length > 0) return [`    "${path}") ${describe("command", commands)} ;;`];
  return argument === null ? [] : [`    "${path}") ${replyWith(argument)} ;;`];
}

function replyWith(values: CompletionValues): string {
  if ("words" in values) return `compadd -- ${values.words.join(" ")}`;
  return "files" in values ? "_files" : ":";
}

/** `_describe` splits an entry at its first unescaped colon. */
function describe(tag: string, words: readonly CompletionWord[]): string {
  const entries = words.map(({ word, summary }) => quote(`${word}:${summary.replaceAll(":", "\\:")}`));
  return `entries=(${entries.join(" ")}); _describe ${tag} entries`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
