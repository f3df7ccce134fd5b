/** A word as a POSIX shell takes it back unchanged, for commands that a user is told to type. */
export function quoteForShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
