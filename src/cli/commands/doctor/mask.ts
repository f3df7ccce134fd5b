/** Variables whose values are secret, wherever they come from. */
const SECRET_NAME = /(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$/i;

const MASK = "***";

/** Replaces every occurrence of every secret in a text. */
export type Mask = (text: string) => string;

export interface SecretSources {
  /** The text of `secrets.env`, which may be malformed. */
  secretsText: string;
  env: NodeJS.ProcessEnv;
  /** Whole secrets: tokens. */
  others: readonly string[];
}

/**
 * Masks more rather than less: each value as it is, as JSON, URL and base64 write it, and each line of a longer one.
 * What stands behind an equals sign in `secrets.env` is a secret even in a comment or a malformed line.
 */
export function createMask({ secretsText, env, others }: SecretSources): Mask {
  const values = [
    ...secretsText.split(/\r?\n/).flatMap(valuesOfLine),
    ...Object.entries(env).flatMap(([name, value]) => (SECRET_NAME.test(name) && isLong(value) ? [value] : [])),
    ...others,
  ];
  const forms = new Set(values.flatMap(formsOf).filter((form) => form !== ""));
  // Longest first, so that a secret which begins with another leaves no rest.
  const ordered = [...forms].sort((left, right) => right.length - left.length);
  return (text) => ordered.reduce((masked, form) => masked.replaceAll(form, MASK), text);
}

/** A variable such as `HOTKEY=1` would mask half of the report, and hides nothing. */
function isLong(value: string | undefined): value is string {
  return value !== undefined && value.length >= 8;
}

function valuesOfLine(line: string): string[] {
  if (/^\s*(?:#|$)/.test(line) && !line.includes("=")) return [];
  const value = line.slice(line.indexOf("=") + 1).trim();
  const unquoted = value.replace(/^(["'])(.*)\1(?:\s*#.*)?$/, "$2");
  return [value, unquoted, unquoted.replace(/\s+#.*$/, ""), unquoted.replaceAll("\\n", "\n").replace(/\\(.)/g, "$1")];
}

function formsOf(value: string): string[] {
  const lines = value.includes("\n") ? value.split("\n").filter((line) => line.trim().length >= 8) : [];
  return [
    value,
    ...lines,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    ...(value.length >= 4 ? [Buffer.from(value).toString("base64").replace(/=+$/, "")] : []),
  ];
}
