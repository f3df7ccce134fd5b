import { type Document, isMap, isNode, isScalar, LineCounter, type Pair, parseDocument } from "yaml";
import { describeValue, type Mistake } from "./mistake.ts";
import { didYouMean } from "./nearest.ts";
import { findExcessiveNesting } from "./nesting.ts";
import { isSettingKey, type SettingKey, sections, settingKeys } from "./schema.ts";

/** A known key of the file with its value as YAML gave it, not yet checked. */
export interface FileEntry {
  key: SettingKey;
  raw: unknown;
  /** From 1. */
  line: number;
}

export interface ParsedConfig {
  document: Document;
  entries: FileEntry[];
  mistakes: Mistake[];
  /** The text is no YAML, so that `document` must not be edited. */
  isDamaged: boolean;
}

/**
 * Reads the text of a `config.yaml` key by key. Nothing is thrown for what a user may have typed: syntax errors and
 * unknown keys come back as mistakes with file and line.
 */
export function parseConfigText(text: string, file: string): ParsedConfig {
  const tooDeep = findExcessiveNesting(text);
  if (tooDeep !== null) {
    const document = parseDocument("");
    const mistake = `${file}:${tooDeep}: the YAML is nested too deeply`;
    return { document, entries: [], mistakes: [mistake], isDamaged: true };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const reader: Reader = { document, lines, file, entries: [], mistakes: [] };
  // Later ones are mostly consequences of the first.
  for (const error of document.errors.slice(0, 1)) {
    reader.mistakes.push(
      `${file}:${lines.linePos(error.pos[0]).line}: the YAML is damaged: ${firstLine(error.message)}`,
    );
  }
  if (reader.mistakes.length === 0) readRoot(reader);
  return { document, entries: reader.entries, mistakes: reader.mistakes, isDamaged: document.errors.length > 0 };
}

interface Reader extends Omit<ParsedConfig, "isDamaged"> {
  lines: LineCounter;
  file: string;
}

function readRoot(reader: Reader): void {
  const root = reader.document.contents;
  if (root === null || (isScalar(root) && root.value === null)) return;
  if (!isMap(root)) {
    reader.mistakes.push(`${reader.file}:${lineOf(reader, root)}: the file must hold sections such as server and llm`);
    return;
  }
  const known = sections();
  for (const pair of root.items) {
    const name = nameOf(pair);
    const keys = known.get(name);
    if (keys !== undefined) readSection(reader, { name, pair, keys });
    else if (isSettingKey(name) && !name.includes(".")) addEntry(reader, name, pair);
    else addUnknown(reader, { pair, name, place: "", candidates: [...known.keys(), "engine"] });
  }
}

function readSection(reader: Reader, section: { name: string; pair: Pair; keys: string[] }): void {
  const { name, pair, keys } = section;
  const body = pair.value;
  if (body === null || (isScalar(body) && body.value === null)) return;
  if (!isMap(body)) {
    const found = describeValue(plainValue(reader, pair));
    reader.mistakes.push(`${reader.file}:${lineOf(reader, pair.key)}: ${name} must be a section of keys, not ${found}`);
    return;
  }
  for (const inner of body.items) {
    const key = `${name}.${nameOf(inner)}`;
    if (isSettingKey(key)) addEntry(reader, key, inner);
    else addUnknown(reader, { pair: inner, name: nameOf(inner), place: ` in ${name}`, candidates: keys });
  }
}

function addEntry(reader: Reader, key: SettingKey, pair: Pair): void {
  reader.entries.push({ key, raw: plainValue(reader, pair), line: lineOf(reader, pair.key) });
}

function addUnknown(reader: Reader, unknown: { pair: Pair; name: string; place: string; candidates: string[] }): void {
  const { name, place, candidates, pair } = unknown;
  // A key written as `server.port: 1`, or one that stands in the wrong section.
  const elsewhere = settingKeys().find((key) => key === name || key.endsWith(`.${name}`));
  const suggestion = didYouMean(name, candidates) || (elsewhere === undefined ? "" : ` (it belongs to ${elsewhere})`);
  const line = lineOf(reader, pair.key);
  reader.mistakes.push(`${reader.file}:${line}: unknown key ${describeValue(name)}${place}${suggestion}`);
}

function nameOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}

function plainValue(reader: Reader, pair: Pair): unknown {
  if (!isNode(pair.value)) return null;
  try {
    return pair.value.toJS(reader.document, { maxAliasCount: 100 });
  } catch (error) {
    const reason = error instanceof Error ? firstLine(error.message) : String(error);
    reader.mistakes.push(`${reader.file}:${lineOf(reader, pair.key)}: the value cannot be read: ${reason}`);
    return null;
  }
}

function lineOf(reader: Reader, node: unknown): number {
  return isNode(node) && node.range ? reader.lines.linePos(node.range[0]).line : 1;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]?.trim() ?? "";
}
