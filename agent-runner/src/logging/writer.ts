import { consoleSink } from "./console-sink.ts";
import { fileSink } from "./file-sink.ts";
import { LOG_LEVELS, type LogLevel } from "./format.ts";
import { createMask } from "./mask.ts";
import { renderMessage } from "./render-message.ts";

export { type RotationLimits, rotateWhenLarge } from "./rotation.ts";
export type { LogLevel };

export type LogFields = Record<string, unknown>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** From now on these values are written as `***`, wherever they stand in a message or a field. */
  mask(values: Iterable<string>): void;
  /** Lines logged after this are dropped. */
  close(): void;
}

export interface LoggerOptions {
  /** Named in the first line of a file. */
  component: string;
  /** The least severe level that is written. */
  level: LogLevel;
  /** The log file; null in a container, where Docker keeps the lines and their time. */
  file: string | null;
  maxSizeBytes: number;
  maxFiles: number;
  /** Where lines go without a file; default the process's own. */
  stdout?: LineOutput;
  stderr?: LineOutput;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

export interface LineOutput {
  write(text: string): unknown;
}

/** Takes whole messages, already filtered and masked. Never throws: a log that cannot be written must not end its process. */
export interface LogSink {
  write(level: LogLevel, text: string): void;
  close(): void;
}

/**
 * The log of this process. With a file every call is one append, complete before the call returns, so that a crash
 * right after it loses nothing; fd 1 and 2 may point to the same file. debug and info count as stdout, warn and error
 * as stderr.
 */
export function createLogger(options: LoggerOptions): Logger {
  const sink = options.file === null ? consoleSink(options) : fileSink({ ...options, file: options.file });
  const mask = createMask();
  const threshold = LOG_LEVELS.indexOf(options.level);

  const log = (level: LogLevel) => {
    if (LOG_LEVELS.indexOf(level) < threshold) return () => {};
    return (message: string, fields?: LogFields) => sink.write(level, mask.apply(renderMessage(message, fields, mask)));
  };
  return {
    debug: log("debug"),
    info: log("info"),
    warn: log("warn"),
    error: log("error"),
    mask: (values) => mask.add(values),
    close: () => sink.close(),
  };
}
