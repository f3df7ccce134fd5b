import type { HomePaths } from "../platform/paths.ts";

/** Flags that every command takes. */
export interface GlobalOptions {
  home: string | undefined;
  json: boolean;
  quiet: boolean;
  debug: boolean;
  color: boolean;
}

/** A stream that a command writes to; `columns` and `isTTY` as Node has them. */
export interface Output {
  write(text: string | Uint8Array): boolean;
  readonly isTTY: boolean;
  readonly columns: number;
  /** The terminal itself, for what draws over its own lines; absent when the stream is none. */
  readonly terminal?: NodeJS.WriteStream | undefined;
  /** Resolves once everything written has been handed to the reader. */
  drained(): Promise<void>;
}

/** What a command is given instead of `process` and `console`. */
export interface CommandContext {
  readonly globals: GlobalOptions;
  readonly paths: HomePaths;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stdin: NodeJS.ReadableStream;
  /** The result, and nothing else. */
  readonly stdout: Output;
  /** Progress, hints, warnings. */
  readonly stderr: Output;
  /** Aborted by the first signal with an AppError INTERRUPTED as its reason. */
  readonly signal: AbortSignal;
  /** Aborted by the second signal: force. */
  readonly forceSignal: AbortSignal;
  /** Adds a sentence to the envelope's `warnings` and, in the text form, to stderr. */
  warn(sentence: string): void;
  /** A progress line on stderr; silent with --quiet and --json. */
  progress(line: string): void;
}

/** What a command that ends by itself returns: the envelope's data, its text form, and the exit code. */
export interface CommandResult {
  data: unknown;
  /** Printed on stdout without --json; ends without a newline. Null prints nothing. */
  text: string | null;
  /** 0 unless the command answers by its exit code, as `status` does. */
  exitCode?: number;
}

/** Returns null when the command streamed its own records. */
export type CommandHandler<Options> = (options: Options, context: CommandContext) => Promise<CommandResult | null>;
