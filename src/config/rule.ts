import { isIP } from "node:net";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parseDuration } from "./duration.ts";
import { didYouMean } from "./nearest.ts";
import { parseSize } from "./size.ts";

/** A setting as it is written in a file and printed by `config get` and `list`. */
export type Written = string | number | boolean | null | string[];

/** A value that passed its rule, or the rest of the sentence "KEY must be …". */
export type Reading<Value> = { value: Value; written: Written } | { expected: string };

/** Reads one setting. `raw` is a YAML value, or the text of an environment variable. */
export interface Rule<Value> {
  read(raw: unknown, from: RuleOrigin): Reading<Value>;
  /** Lists are comma-separated in an environment variable. */
  isList?: boolean;
  /** `null` is one of its values, also as the word `null` in an environment variable. */
  isNullable?: boolean;
}

export interface RuleOrigin {
  /** Where a relative path begins. */
  baseDirectory: string;
}

export function text(expected: string, pattern = /\S/): Rule<string> {
  return {
    read: (raw) => (typeof raw === "string" && pattern.test(raw) ? { value: raw, written: raw } : { expected }),
  };
}

export function oneOf<Name extends string>(...names: readonly Name[]): Rule<Name> {
  return {
    read(raw) {
      const name = names.find((candidate) => candidate === raw);
      if (name !== undefined) return { value: name, written: name };
      return { expected: names.join(" or ") + (typeof raw === "string" ? didYouMean(raw, names) : "") };
    },
  };
}

export function flag(): Rule<boolean> {
  return {
    read(raw) {
      if (raw === true || raw === "true") return { value: true, written: true };
      if (raw === false || raw === "false") return { value: false, written: false };
      return { expected: "true or false" };
    },
  };
}

export function wholeNumber(name: string, least: number, most: number): Rule<number> {
  return {
    read(raw) {
      const number = typeof raw === "string" && /^\d{1,15}$/.test(raw) ? Number(raw) : raw;
      if (typeof number === "number" && Number.isInteger(number) && number >= least && number <= most) {
        return { value: number, written: number };
      }
      return { expected: `${name} from ${least} to ${most}` };
    },
  };
}

/** `zeroPicks`: 0 asks the system for a free port. */
export function port(options: { zeroPicks: boolean } = { zeroPicks: false }): Rule<number> {
  return wholeNumber("a port", options.zeroPicks ? 0 : 1, 65_535);
}

export function size(example: string, leastBytes: number): Rule<number> {
  return {
    read(raw) {
      const bytes = typeof raw === "string" || typeof raw === "number" ? parseSize(String(raw)) : null;
      if (bytes === null) return { expected: `a size such as ${example}` };
      if (bytes < leastBytes) return { expected: `a size of at least ${describeSize(leastBytes)}` };
      return { value: bytes, written: typeof raw === "number" ? raw : String(raw) };
    },
  };
}

export function duration(example: string): Rule<number> {
  return {
    read(raw) {
      const ms = typeof raw === "string" ? parseDuration(raw) : null;
      if (ms === null || ms <= 0) return { expected: `a time such as ${example}` };
      return { value: ms, written: String(raw) };
    },
  };
}

export function address(): Rule<string> {
  return {
    read(raw) {
      if (typeof raw === "string" && (isIP(raw) !== 0 || raw === "localhost")) return { value: raw, written: raw };
      return { expected: "an IP address such as 127.0.0.1" };
    },
  };
}

export function httpUrl(): Rule<string> {
  return {
    read(raw) {
      if (typeof raw === "string" && URL.canParse(raw) && /^https?:$/.test(new URL(raw).protocol)) {
        return { value: raw, written: raw };
      }
      return { expected: "an http or https URL such as http://127.0.0.1:11434/v1" };
    },
  };
}

/** A folder, made absolute: `~` is the user's home, anything relative begins at the config file's folder. */
export function folder(): Rule<string> {
  return {
    read(raw, from) {
      if (typeof raw !== "string" || raw.trim() === "" || raw.includes("\0"))
        return { expected: "the path of a folder" };
      const expanded = raw === "~" || raw.startsWith("~/") ? join(homedir(), raw.slice(1)) : raw;
      const path = resolve(from.baseDirectory, expanded);
      return { value: path, written: path };
    },
  };
}

export function nullable<Value>(rule: Rule<Value>): Rule<Value | null> {
  return {
    isNullable: true,
    read(raw, from) {
      if (raw === null) return { value: null, written: null };
      const reading = rule.read(raw, from);
      return "expected" in reading ? { expected: `${reading.expected}, or null` } : reading;
    },
  };
}

export function listOf(expected: string, pattern = /\S/): Rule<string[]> {
  return {
    isList: true,
    read(raw) {
      const items: unknown[] = Array.isArray(raw) ? raw : [null];
      const texts = items.filter((item) => typeof item === "string").filter((item) => pattern.test(item));
      return texts.length === items.length ? { value: texts, written: texts } : { expected };
    },
  };
}

function describeSize(bytes: number): string {
  return bytes >= 1024 ** 2 ? `${bytes / 1024 ** 2}m` : `${bytes / 1024}k`;
}
