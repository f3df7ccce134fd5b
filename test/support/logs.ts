import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { formatLines } from "@stigmer/agent-runner/log-format";
import { openProcessSource, type ProcessSourceOptions } from "../../src/logs/process-source.ts";
import { type LogSource, type SourceItem, textOf } from "../../src/logs/source.ts";
import { watchFolder } from "../../src/logs/wake.ts";
import { withDeadline } from "../../src/platform/deadline.ts";

/** What a reader showed: the text of a line, or a marker in angle brackets. */
export function shown(items: readonly SourceItem[]): string[] {
  return items.map((item) => (item.type === "line" ? textOf(item) : `<${item.marker}>`));
}

/** Everything in a history, line by line. */
export async function readHistory(source: LogSource): Promise<string[]> {
  const lines: string[] = [];
  for await (const items of source.history()) lines.push(...shown(items));
  return lines;
}

/** The text of a log with one line of level info for each of `texts`, a second apart. */
export function logText(texts: readonly string[], startMs = Date.UTC(2026, 0, 1)): string {
  return texts
    .map((text, index) => formatLines(text, { timeMs: startMs + index * 1000, stream: "stdout", level: "info" }))
    .join("");
}

export function numbered(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`);
}

/** Everything that the log of a process holds now. */
export async function readLog(file: string, options: Partial<ProcessSourceOptions> = {}): Promise<string[]> {
  const source = await openLog(file, options);
  try {
    return await readHistory(source);
  } finally {
    await source.close();
  }
}

/** Opens the log of a process for its history alone. */
export function openLog(file: string, options: Partial<ProcessSourceOptions> = {}): Promise<LogSource> {
  return openProcessSource({ component: "workflow-runner", file, filter: null, follow: null, ...options });
}

/** A reader that follows: gives what it showed so far, and waits until it has shown something. */
export class Follower implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #shown = () => {};

  constructor(open: (follow: NonNullable<ProcessSourceOptions["follow"]>) => Promise<LogSource>, folder: string) {
    const { signal } = this.#stop;
    this.#running = this.#run(open({ waker: watchFolder(folder, signal).subscribe(), signal }));
  }

  /** Resolves once `isMet` holds for what was shown. */
  async until(what: string, isMet: (lines: string[]) => boolean): Promise<void> {
    await withDeadline(
      async (signal) => {
        while (!isMet(this.lines) && !signal.aborted) await new Promise<void>((resolve) => (this.#shown = resolve));
      },
      { what, timeoutMs: 20_000 },
    );
  }

  untilShown(line: string): Promise<void> {
    return this.until(`a follower shows "${line}"`, (lines) => lines.at(-1) === line || lines.includes(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(opening: Promise<LogSource>): Promise<void> {
    const source = await opening;
    for await (const items of source.history()) this.#note(items);
    for await (const items of source.live()) this.#note(items);
    await source.close();
  }

  #note(items: readonly SourceItem[]): void {
    this.lines.push(...shown(items));
    this.#shown();
  }
}

/** Starts a built fixture and waits for its first word. */
export async function startWriter(program: string, args: readonly (string | number)[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program, ...args.map(String)], { stdio: ["ignore", "pipe", "inherit"] });
  await withDeadline((signal) => once(child.stdout, "data", { signal }), {
    what: "the writer's first word",
    timeoutMs: 10_000,
  });
  return child;
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await withDeadline((signal) => once(child, "exit", { signal }), { what: "the writer's end", timeoutMs: 60_000 });
}
