import type { ContainerLogOptions } from "./engine.ts";
import { FrameReader, type OutputStream } from "./log-frames.ts";
import { endsLine } from "./log-lines.ts";
import { toEngineTimestamp } from "./log-time.ts";

/** The part of a log that the engine is asked for. */
export interface LogWindow {
  tail: string;
  since: string | null;
  until: string | null;
  /** How many lines to drop before the first wanted one. */
  skip: number;
  /** How many of the lines that come are wanted, from the end; null for all of them. */
  keepLast: number | null;
}

/** Reads the log's last pieces, without following. */
export type ReadTail = (pieces: number) => AsyncIterable<Buffer>;

/** How much further back each attempt looks: a line of 10 MB has 640 pieces. */
const GROWTH = 8;
const SPACE = 0x20;

/**
 * Asks for the last lines although the engine's `tail` counts pieces of 16 KiB: looks at the last pieces first, and
 * where a long line is among them, asks by the time at which the first wanted line begins.
 *
 * @param readTail null where the log cannot be looked at in pieces: a terminal's is one stream without frames.
 */
export async function resolveLogWindow(options: ContainerLogOptions, readTail: ReadTail | null): Promise<LogWindow> {
  const since = options.since === null ? null : toEngineTimestamp(options.since);
  const until = options.until === null ? null : toEngineTimestamp(options.until);
  const all: LogWindow = { tail: "all", since, until, skip: 0, keepLast: null };
  const wanted = options.tail;
  if (wanted === "all") return all;
  if (wanted === 0) return { ...all, tail: "0" };
  // The engine takes its tail before it looks at `until`.
  if (until !== null) return { ...all, keepLast: wanted };
  if (readTail === null) return { ...all, tail: String(wanted) };
  for (let asked = wanted + 1; ; asked *= GROWTH) {
    const survey = await surveyTail(readTail(asked));
    if (!survey.hasLongLine) return { ...all, tail: String(wanted) };
    // One line more than wanted must begin in sight, because the first may have begun before.
    if (survey.beginnings.length > wanted) return { ...all, ...windowFrom(survey.beginnings, wanted, since) };
    if (survey.pieces < asked) return all;
  }
}

/**
 * The streams stamp their lines each for itself, so a line may be older than the one before it: the window begins at the
 * oldest wanted time, and what the log holds from then on before the first wanted line is skipped by number.
 */
function windowFrom(beginnings: string[], wanted: number, since: string | null): Pick<LogWindow, "since" | "skip"> {
  const times = beginnings.map(toEngineTimestamp);
  const before = times.slice(0, -wanted);
  const oldest = times.slice(-wanted).reduce(earlier);
  const start = since === null ? oldest : later(since, oldest);
  return { since: start, skip: before.filter((time) => time >= start).length };
}

interface Survey {
  pieces: number;
  hasLongLine: boolean;
  /** When each line began that begins in sight. */
  beginnings: string[];
}

async function surveyTail(chunks: AsyncIterable<Buffer>): Promise<Survey> {
  const frames = new FrameReader();
  const inLine: Record<OutputStream, boolean> = { stdout: false, stderr: false };
  const survey: Survey = { pieces: 0, hasLongLine: false, beginnings: [] };
  for await (const chunk of chunks) {
    frames.push(chunk, (stream, frame) => {
      survey.pieces += 1;
      const space = frame.indexOf(SPACE);
      if (!inLine[stream]) survey.beginnings.push(frame.toString("latin1", 0, space));
      inLine[stream] = !endsLine(frame, space);
      survey.hasLongLine ||= inLine[stream];
    });
  }
  return survey;
}

/** Engine times have ten digits before the point and nine behind it: they compare as text. */
function later(left: string, right: string): string {
  return left < right ? right : left;
}

function earlier(left: string, right: string): string {
  return left < right ? left : right;
}
