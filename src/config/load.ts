import { dirname } from "node:path";
import { readEnvironment } from "./environment.ts";
import { readConfigText } from "./file.ts";
import { configInvalid, type Mistake } from "./mistake.ts";
import { type Candidate, resolveSettings } from "./resolve.ts";
import type { Written } from "./rule.ts";
import { isSettingKey, type SettingKey, toSettings } from "./schema.ts";
import type { LoadedSettings } from "./settings.ts";

export interface LoadSource {
  configFile: string;
  env: NodeJS.ProcessEnv;
  /** From flags, by the key of the file: `{"agent_runner.runtime": "process"}`. Undefined ones are left out. */
  overrides?: { readonly [Key in SettingKey]?: unknown };
}

export interface EffectiveSettings extends LoadedSettings {
  /** The effective value of every key, as a file would have it. */
  written: Record<SettingKey, Written>;
}

/**
 * Settings from defaults, `config.yaml`, `STIGMER_` variables and flags, the later winning over the earlier.
 * @throws AppError CONFIG_INVALID with every mistake at once, PERMISSION_DENIED.
 */
export async function loadSettings(source: LoadSource): Promise<EffectiveSettings> {
  const file = await readFileLayer(source.configFile);
  const environment = readEnvironment(source.env);
  const candidates: Candidate[] = [
    ...file.candidates,
    ...environment.entries.map(({ key, raw, variable }) => ({ key, raw, name: variable })),
    ...overridesOf(source.overrides ?? {}),
  ];
  const resolved = resolveSettings(candidates, { baseDirectory: dirname(source.configFile) });
  const mistakes = [...file.mistakes, ...resolved.mistakes];
  if (mistakes.length > 0) throw configInvalid(mistakes, source.configFile);
  return { settings: toSettings(resolved.values), written: resolved.written, warnings: environment.warnings };
}

async function readFileLayer(path: string): Promise<{ candidates: Candidate[]; mistakes: Mistake[] }> {
  const text = await readConfigText(path);
  if (text === null || text.trim() === "") return { candidates: [], mistakes: [] };
  // Loaded only when there is something to parse: yaml costs 16 ms, half of what a whole command may take.
  const { parseConfigText } = await import("./document.ts");
  const { entries, mistakes } = parseConfigText(text, path);
  return { candidates: entries.map(({ key, raw, line }) => ({ key, raw, name: `${path}:${line}: ${key}` })), mistakes };
}

function overridesOf(overrides: Record<string, unknown>): Candidate[] {
  return Object.entries(overrides).flatMap(([key, raw]) =>
    raw !== undefined && isSettingKey(key) ? [{ key, raw, name: key }] : [],
  );
}
