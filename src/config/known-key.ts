import { nearestName } from "@stigmer/agent-runner/nearest";
import { AppError } from "../errors.ts";
import { isSettingKey, type SettingKey, sections, settingKeys } from "./schema.ts";

/** The key that a user typed. @throws AppError USAGE naming the nearest key, or the keys of a section. */
export function requireSettingKey(typed: string): SettingKey {
  if (isSettingKey(typed)) return typed;
  const keys = sections().get(typed);
  if (keys !== undefined) {
    throw new AppError("USAGE", `${typed} is a section, not a setting`, {
      hint: `Its settings are ${keys.map((key) => `${typed}.${key}`).join(", ")}`,
    });
  }
  const candidate = nearestName(typed, settingKeys()) ?? nearestWithoutSection(typed);
  throw new AppError("USAGE", `There is no setting "${typed}"`, {
    hint: candidate === null ? null : `Did you mean ${candidate}?`,
    actions: [{ label: "See all settings", command: "stigmer config list" }],
  });
}

/** `prot` for `server.port`. */
function nearestWithoutSection(typed: string): SettingKey | null {
  const nameOf = (key: string): string => key.slice(key.indexOf(".") + 1);
  const name = nearestName(nameOf(typed), settingKeys().map(nameOf));
  return settingKeys().find((key) => nameOf(key) === name) ?? null;
}
