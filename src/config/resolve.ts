import { describeValue, type Mistake } from "./mistake.ts";
import type { RuleOrigin, Written } from "./rule.ts";
import { SETTINGS, type Setting, type SettingKey, type SettingValues, settingKeys } from "./schema.ts";

/** A value somebody gave, and how to name where: `FILE:3: server.port`, `STIGMER_SERVER_PORT`, `--runtime`. */
export interface Candidate {
  key: SettingKey;
  raw: unknown;
  name: string;
}

export interface Resolved {
  values: SettingValues;
  /** The same values as a file would have them. */
  written: Record<SettingKey, Written>;
  mistakes: Mistake[];
}

/** Checks every candidate and lets later ones win over earlier ones, and any of them over the defaults. Pure. */
export function resolveSettings(candidates: readonly Candidate[], from: RuleOrigin): Resolved {
  const values: Partial<SettingValues> = {};
  const written: Partial<Record<SettingKey, Written>> = {};
  const mistakes: Mistake[] = [];
  const accept = <Key extends SettingKey>(key: Key, raw: unknown, name: string): void => {
    const setting: Setting<SettingValues[Key]> = SETTINGS[key];
    const reading = setting.rule.read(raw, from);
    if ("expected" in reading) {
      mistakes.push(`${name} must be ${reading.expected}, not ${describeValue(raw)}`);
    } else if (setting.notYet?.(reading.value) === true) {
      mistakes.push(`${name}: ${String(reading.written)} is not part of this version yet`);
    } else {
      values[key] = reading.value;
      written[key] = reading.written;
    }
  };
  for (const key of settingKeys()) accept(key, SETTINGS[key].fallback, `the default of ${key}`);
  for (const { key, raw, name } of candidates) accept(key, raw, name);
  // Every default passes its own rule (a test holds that), so each key has a value by now.
  return { values: values as SettingValues, written: written as Record<SettingKey, Written>, mistakes };
}
