/**
 * How a line stands in a process log: a prefix of fixed width, then the text.
 *
 *     2026-11-21T08:49:15.123Z o I text
 *
 * 24 bytes of time (RFC 3339, milliseconds, UTC), the stream (`o` stdout, `e` stderr), the level (`D I W E`, `-` for
 * none, or `S` for the line that a process writes when it starts). The width is fixed so that a reader finds text and time without
 * searching. A line without the prefix was written straight to fd 1 or 2: crash output, a library's own printing.
 */

export { archivePath, isUnfinishedRotation, listArchives } from "./generations.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LineStream = "stdout" | "stderr";

/** From the least to the most severe. */
export const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Bytes in front of the text. */
export const PREFIX_BYTES = 29;

export interface PrefixFields {
  timeMs: number;
  stream: LineStream;
  level: LogLevel | null;
}

/** Every line of `text` with a prefix and a newline; a final newline of `text` makes no empty line. */
export function formatLines(text: string, fields: PrefixFields): string {
  return prefixLines(text, formatPrefix(fields));
}

/** The prefix alone, for text that is bytes. */
export function formatPrefix({ timeMs, stream, level }: PrefixFields): string {
  return prefixOf(timeMs, stream, level === null ? "-" : LEVEL_LETTERS[level]);
}

/** The line that tells a follower that another process writes from here on. */
export function formatProcessStart(text: string, timeMs: number): string {
  return prefixLines(text, prefixOf(timeMs, "stdout", "S"));
}

/** Whether the line `buffer[start, end)` carries a prefix. Wrong digits inside the time are not looked for. */
export function hasPrefix(buffer: Uint8Array, start: number, end: number): boolean {
  return (
    end - start >= PREFIX_BYTES &&
    buffer[start + 10] === LETTER_T &&
    buffer[start + 23] === LETTER_Z &&
    buffer[start + 24] === SPACE &&
    buffer[start + 26] === SPACE &&
    buffer[start + 28] === SPACE &&
    buffer[start + 4] === DASH &&
    buffer[start + 7] === DASH &&
    buffer[start + 13] === COLON &&
    buffer[start + 16] === COLON &&
    buffer[start + 19] === DOT &&
    isLevelLetter(buffer[start + 27])
  );
}

/** The stream of a line with a prefix that begins at `start`. */
export function prefixStream(buffer: Uint8Array, start: number): LineStream {
  return buffer[start + 25] === LETTER_O ? "stdout" : "stderr";
}

/** The level of a line with a prefix that begins at `start`. */
export function prefixLevel(buffer: Uint8Array, start: number): LogLevel | null {
  switch (buffer[start + 27]) {
    case LETTER_D:
      return "debug";
    case LETTER_W:
      return "warn";
    case LETTER_E:
      return "error";
    case DASH:
      return null;
    default:
      return "info";
  }
}

/** Whether a line with a prefix is the first of a process. */
export function isProcessStart(buffer: Uint8Array, start: number): boolean {
  return buffer[start + 27] === LETTER_S;
}

const LEVEL_LETTERS: Record<LogLevel, string> = { debug: "D", info: "I", warn: "W", error: "E" };

const SPACE = 0x20;
const DASH = 0x2d;
const DOT = 0x2e;
const COLON = 0x3a;
const LETTER_D = 0x44;
const LETTER_E = 0x45;
const LETTER_I = 0x49;
const LETTER_S = 0x53;
const LETTER_T = 0x54;
const LETTER_W = 0x57;
const LETTER_Z = 0x5a;
const LETTER_O = 0x6f;
const LEVEL_BYTES = [LETTER_I, LETTER_D, LETTER_W, LETTER_E, LETTER_S, DASH];

function isLevelLetter(byte: number | undefined): boolean {
  return LEVEL_BYTES.includes(byte ?? 0);
}

function prefixOf(timeMs: number, stream: LineStream, levelLetter: string): string {
  return `${new Date(timeMs).toISOString()} ${stream === "stdout" ? "o" : "e"} ${levelLetter} `;
}

function prefixLines(text: string, prefix: string): string {
  const body = text.endsWith("\n") ? text.slice(0, -1) : text;
  return `${prefix}${body.includes("\n") ? body.replaceAll("\n", `\n${prefix}`) : body}\n`;
}
