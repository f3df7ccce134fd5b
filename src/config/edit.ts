import { dirname } from "node:path";
import { type Document, isMap, isScalar, isSeq, parseDocument } from "yaml";
import { ensureDirectory } from "../platform/directories.ts";
import { writeFileAtomic } from "../platform/files.ts";
import { type ParsedConfig, parseConfigText } from "./document.ts";
import { readConfigText } from "./file.ts";
import { configInvalid } from "./mistake.ts";
import { type Candidate, resolveSettings } from "./resolve.ts";
import type { Written } from "./rule.ts";
import type { SettingKey } from "./schema.ts";

/** What the setting is now in the file; for `unset` its default. */
export interface Edited {
  key: SettingKey;
  value: Written;
  changed: boolean;
}

/**
 * Writes one setting, keeping comments and order. The whole file must be valid afterwards, else nothing is written.
 * @throws AppError CONFIG_INVALID, PERMISSION_DENIED, DISK_FULL.
 */
export async function setSetting(configFile: string, key: SettingKey, text: string): Promise<Edited> {
  const given = parseDocument(text);
  // Text that YAML would read as something else (`a: b`, `*x`) is meant as it was typed.
  const isPlain = given.errors.length === 0 && (isScalar(given.contents) || isSeq(given.contents));
  const raw: unknown = isPlain ? given.toJS() : text;
  // A version such as 1.10 or a model named 7 is a text where a text belongs.
  const [accepted] = [raw, text].filter(
    (candidate) => check(configFile, [{ key, raw: candidate, name: key }]).length === 0,
  );
  if (accepted === undefined) throw configInvalid(check(configFile, [{ key, raw, name: key }]), configFile);
  return edit(configFile, key, (document) => {
    openSection(document, key);
    document.setIn(key.split("."), accepted);
  });
}

/** Takes one setting out of the file, so that its default holds. A file without it stays as it is. */
export async function unsetSetting(configFile: string, key: SettingKey): Promise<Edited> {
  return edit(configFile, key, (document) => {
    const path = key.split(".");
    if (!document.hasIn(path)) return;
    document.deleteIn(path);
    const section = document.get(path[0]);
    if (path.length > 1 && isMap(section) && section.items.length === 0) document.delete(path[0]);
  });
}

async function edit(configFile: string, key: SettingKey, change: (document: Document) => void): Promise<Edited> {
  const before = (await readConfigText(configFile)) ?? "";
  const { document, mistakes, isDamaged } = parseConfigText(before, configFile);
  if (isDamaged) throw configInvalid(mistakes, configFile);
  const unchanged = printDocument(document);
  change(document);
  const after = printDocument(document);
  const parsed = parseConfigText(after, configFile);
  const resolved = resolveSettings(candidatesOf(parsed, configFile), { baseDirectory: dirname(configFile) });
  const left = [...parsed.mistakes, ...resolved.mistakes];
  if (left.length > 0) throw configInvalid(left, configFile);
  // Without a change the file keeps even its layout.
  const changed = after !== unchanged;
  if (changed) await write(configFile, before === "" ? HEADER + after : after);
  return { key, value: resolved.written[key], changed };
}

function printDocument(document: Document): string {
  if (document.contents !== null) return document.toString({ lineWidth: 0 });
  return document.commentBefore ? `#${document.commentBefore.replaceAll("\n", "\n#")}\n` : "";
}

async function write(configFile: string, text: string): Promise<void> {
  await ensureDirectory(dirname(configFile));
  await writeFileAtomic(configFile, text);
}

const HEADER = "# Settings of stigmer. Every key and its default: stigmer config list\n";

/** An empty file, and a section without keys, have no map yet that could take the key. */
function openSection(document: Document, key: SettingKey): void {
  const [section = "", name] = key.split(".");
  if (document.contents === null || document.toJS() === null) document.contents = null;
  if (name !== undefined && document.get(section) === null) document.delete(section);
}

function check(configFile: string, candidates: Candidate[]): string[] {
  return resolveSettings(candidates, { baseDirectory: dirname(configFile) }).mistakes;
}

function candidatesOf(parsed: ParsedConfig, configFile: string): Candidate[] {
  return parsed.entries.map(({ key, raw, line }) => ({ key, raw, name: `${configFile}:${line}: ${key}` }));
}
