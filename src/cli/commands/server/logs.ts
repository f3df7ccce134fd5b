import { homedir } from "node:os";
import type { DockerEngine } from "../../../docker/engine.ts";
import { AppError } from "../../../errors.ts";
import { lineFilter } from "../../../logs/line-filter.ts";
import { mergeHistory, mergeLive } from "../../../logs/merge.ts";
import { openSources } from "../../../logs/open-sources.ts";
import { LogPrinter } from "../../../logs/print-log.ts";
import type { LogSource } from "../../../logs/source.ts";
import { systemClock } from "../../../platform/clock.ts";
import { readInstanceId } from "../../../platform/instance.ts";
import { COMPONENT_NAMES, type ComponentName } from "../../../stack/component.ts";
import type { CommandContext, CommandHandler } from "../../context.ts";
import { createPaint, type Style } from "../../render/paint.ts";

export interface LogsOptions {
  /** Empty means all. */
  components: ComponentName[];
  follow: boolean;
  /** Lines from the end over all components together. */
  tail: number | "all";
  sinceMs: number | null;
  untilMs: number | null;
  grep: RegExp | null;
  level: string | null;
  timestamps: boolean;
}

/** `stigmer server logs`: works with and without a running server, from what the components themselves wrote. */
export const handle: CommandHandler<LogsOptions> = async (options, context) => {
  const end = new AbortController();
  const signal = AbortSignal.any([context.signal, end.signal]);
  let sources: LogSource[] = [];
  try {
    sources = await openSources({
      paths: context.paths,
      query: options,
      showsLevels: context.globals.json,
      connect: () => connect(options, context),
      readInstance: () => readInstance(context),
      containerName: (instance) => expectedContainerName(instance, context),
      warn: (sentence) => warn(sentence, context),
      signal,
    });
    const printer = new LogPrinter(context.stdout, {
      json: context.globals.json,
      timestamps: options.timestamps,
      label: labelsFor(options.components, context),
    });
    const isEmpty = await printHistory(sources, printer, { tail: options.tail, signal });
    if (options.follow) await printLive(sources, printer, { untilMs: options.untilMs, end });
    else if (isEmpty) tellWhyEmpty(options, context);
  } catch (error) {
    // A signal, or the moment named by --until, ends a follow wherever it stands.
    if (!signal.aborted) throw error;
  } finally {
    end.abort();
    await Promise.all(sources.map((source) => source.close()));
  }
  return null;
};

interface HistoryRange {
  tail: number | "all";
  signal: AbortSignal;
}

/** Returns whether there was nothing to print. */
async function printHistory(sources: LogSource[], printer: LogPrinter, range: HistoryRange): Promise<boolean> {
  const skip = range.tail === "all" ? 0 : await seekTails(sources, range.tail);
  const [only] = sources;
  const raw = sources.length === 1 && printer.isRaw ? (only?.rawHistory() ?? null) : null;
  if (raw !== null) return printer.printRaw(raw, range.signal);
  let isEmpty = true;
  for await (const items of mergeHistory(sources, skip)) {
    range.signal.throwIfAborted();
    await printer.print(items);
    isEmpty = false;
  }
  return isEmpty;
}

/** Each source gives its own last lines; how many of the merged ones are then too many is returned. */
async function seekTails(sources: LogSource[], tail: number): Promise<number> {
  const counts = await Promise.all(sources.map((source) => source.seekTail(tail)));
  return Math.max(0, counts.reduce((sum, count) => sum + count, 0) - tail);
}

interface LiveRange {
  untilMs: number | null;
  end: AbortController;
}

async function printLive(sources: LogSource[], printer: LogPrinter, { untilMs, end }: LiveRange): Promise<void> {
  const timer = untilMs === null ? null : systemClock.setTimer(() => end.abort(), Math.max(0, untilMs - Date.now()));
  try {
    for await (const items of mergeLive(sources)) await printer.print(items);
  } finally {
    timer?.cancel();
  }
}

function tellWhyEmpty(options: LogsOptions, context: CommandContext): void {
  if (options.tail === 0 || lineFilter(options) !== null) return;
  const whose = options.components.length === 0 ? "" : ` of ${options.components.join(", ")}`;
  context.progress(`There are no logs${whose} yet. Start the stack with: stigmer server start`);
}

/** What stands before a line: nothing for one component, else its name, in a colour of its own on a terminal. */
function labelsFor(components: ComponentName[], context: CommandContext): (component: ComponentName) => string {
  const shown = COMPONENT_NAMES.filter((name) => components.length === 0 || components.includes(name));
  if (shown.length === 1) return () => "";
  const width = Math.max(...shown.map((name) => name.length));
  const paint = createPaint(context.globals.color && context.stdout.isTTY);
  const labels = new Map(
    shown.map((name, index) => [name, paint(STYLES[index] ?? "gray", `${name.padEnd(width)} |`)] as const),
  );
  return (component) => `${labels.get(component) ?? component} `;
}

const STYLES: readonly Style[] = ["cyan", "yellow", "green", "bold", "gray"];

/** Where others are shown too, an engine that does not answer must not hold them up for long. */
const CONNECT_TIMEOUT_MS = 2_000;

async function connect(options: LogsOptions, context: CommandContext): Promise<DockerEngine> {
  const { connectDocker } = await import("../../../docker/connect.ts");
  return connectDocker({
    env: context.env,
    homeDir: context.env["HOME"] || homedir(),
    signal: context.signal,
    ...(options.components.length === 1 ? {} : { timeoutMs: CONNECT_TIMEOUT_MS }),
  });
}

async function readInstance(context: CommandContext): Promise<string | null> {
  try {
    return await readInstanceId(context.paths);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    warn(error.message, context);
    return null; // Without it the container is found by its ID file or its name.
  }
}

async function expectedContainerName(instance: string | null, context: CommandContext): Promise<string | null> {
  const { paths, env } = context;
  try {
    const [{ loadSettings }, { containerName, fixedContainerName }] = await Promise.all([
      import("../../../config/load.ts"),
      import("../../../config/desired.ts"),
    ]);
    const { settings } = await loadSettings({ configFile: paths.configFile, env });
    return instance === null ? fixedContainerName(settings, paths.home) : containerName(settings, paths.home, instance);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    warn(`${error.message}; the container was not looked for by its name`, context);
    return null;
  }
}

/** Beside a stream of records there is no envelope that could carry a warning. */
function warn(sentence: string, context: CommandContext): void {
  if (context.globals.json) context.stderr.write(`Warning: ${sentence}\n`);
  else context.warn(sentence);
}
