/**
 * A pattern over paths with `/`: `*` and `?` within a name, `**` over folders, `{a,b}`, `[a-z]`. A pattern without a
 * slash means the top level only, as in a shell.
 */
export function compileGlob(pattern: string): RegExp {
  const clean = pattern.replace(/^\.?\//, "");
  let source = "";
  let braces = 0;
  for (let at = 0; at < clean.length; at += 1) {
    const char = clean.charAt(at);
    if (clean.startsWith("**/", at)) {
      source += "(?:[^/]+/)*";
      at += 2;
    } else if (clean.startsWith("**", at)) {
      source += ".*";
      at += 1;
    } else if (char === "*") source += "[^/]*";
    else if (char === "?") source += "[^/]";
    else if (char === "{" && clean.indexOf("}", at) !== -1) {
      source += "(?:";
      braces += 1;
    } else if (char === "}" && braces > 0) {
      source += ")";
      braces -= 1;
    } else if (char === "," && braces > 0) source += "|";
    else if (char === "[" && clean.indexOf("]", at + 2) !== -1) {
      const end = clean.indexOf("]", at + 2);
      source += characterClass(clean.slice(at + 1, end));
      at = end;
    } else source += escapeLiteral(char);
  }
  return new RegExp(`^${source}$`, "su");
}

function characterClass(inner: string): string {
  const negated = /^[!^]/.test(inner);
  const members = (negated ? inner.slice(1) : inner).replace(/[\\\][^/&~|]/g, "\\$&");
  return `(?!/)[${negated ? "^" : ""}${members}]`;
}

function escapeLiteral(char: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char;
}
