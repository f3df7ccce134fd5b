import { nearestName } from "@stigmer/agent-runner/nearest";
import { SETTINGS, type SettingKey, settingKeys, variableOf } from "./schema.ts";

/** A setting given by a variable, as text or, for lists, as its parts. */
export interface EnvironmentEntry {
  key: SettingKey;
  raw: unknown;
  variable: string;
}

const PREFIX = "STIGMER_";

/** Variables of ours that are no settings: the home, and the contract between the server and its runners. */
const OTHER_VARIABLES: readonly string[] = [
  "STIGMER_HOME",
  "STIGMER_BACKEND_URL",
  "STIGMER_BACKEND_TOKEN_FILE",
  "STIGMER_RUNNER_ID",
  "STIGMER_INSTANCE",
  "STIGMER_COMPONENT",
  "STIGMER_LOOPBACK_HOST",
];

/** Settings and unknown names among the `STIGMER_` variables. An empty variable counts as not set. */
export function readEnvironment(env: NodeJS.ProcessEnv): { entries: EnvironmentEntry[]; warnings: string[] } {
  const byVariable = new Map(settingKeys().map((key) => [variableOf(key), key]));
  const entries: EnvironmentEntry[] = [];
  const warnings: string[] = [];
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(PREFIX) || OTHER_VARIABLES.includes(variable)) continue;
    const key = byVariable.get(variable);
    if (key === undefined) warnings.push(describeUnknown(variable, [...byVariable.keys(), ...OTHER_VARIABLES]));
    else if (text !== undefined && text !== "") entries.push({ key, variable, raw: rawOf(key, text) });
  }
  return { entries, warnings };
}

function describeUnknown(variable: string, known: string[]): string {
  // The common beginning would make every name look near.
  const name = nearestName(
    variable.slice(PREFIX.length),
    known.map((one) => one.slice(PREFIX.length)),
  );
  return `Unknown variable ${variable} is ignored${name === null ? "" : ` (did you mean ${PREFIX}${name}?)`}`;
}

function rawOf(key: SettingKey, text: string): unknown {
  const { rule } = SETTINGS[key];
  if (rule.isNullable === true && text === "null") return null;
  if (rule.isList !== true) return text;
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
