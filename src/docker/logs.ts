import type { ContainerDocument } from "./container-documents.ts";
import type { ContainerLogLine, ContainerLogOptions, DockerEngine } from "./engine.ts";
import { FramedLineReader } from "./log-lines.ts";
import { type LogWindow, resolveLogWindow } from "./log-window.ts";
import { containerPath } from "./resource-path.ts";
import { TerminalLineReader } from "./terminal-lines.ts";
import { type Transport, within } from "./transport.ts";

const QUICK_MS = 10_000;
/** The engine may look through a whole log for its first line. */
const SEARCH_MS = 60_000;

/**
 * Reads logs as the engine keeps them. Lines share memory with the network's buffers: copy what is kept for long. Ends
 * when the container stops (a follow) or the signal aborts.
 */
export function createLogCalls(transport: Transport): Pick<DockerEngine, "logs"> {
  return {
    async *logs(id, options) {
      try {
        for await (const lines of readBatches(new LogSource(transport, id, options.signal), options)) yield* lines;
      } catch (error) {
        if (!options.signal.aborted) throw error;
      }
    },
  };
}

async function* readBatches(source: LogSource, options: ContainerLogOptions): AsyncGenerator<ContainerLogLine[]> {
  const hasTerminal = await source.hasTerminal();
  const window = await resolveLogWindow(options, hasTerminal ? null : (pieces) => source.readTail(pieces));
  const reader = hasTerminal ? new TerminalLineReader() : new FramedLineReader();
  const kept = window.keepLast === null ? null : new LastLines(window.keepLast);
  let toSkip = window.skip;
  for await (const chunk of source.read(window, options.follow)) {
    const lines = reader.push(chunk);
    const wanted = toSkip === 0 ? lines : lines.slice(toSkip);
    toSkip -= lines.length - wanted.length;
    if (kept !== null) kept.add(wanted);
    else if (wanted.length > 0) yield wanted;
  }
  kept?.add(reader.end());
  yield kept?.lines() ?? reader.end();
}

/** The engine's log endpoint of one container. */
class LogSource {
  readonly #transport: Transport;
  readonly #id: string;
  readonly #signal: AbortSignal;

  constructor(transport: Transport, id: string, signal: AbortSignal) {
    this.#transport = transport;
    this.#id = id;
    this.#signal = signal;
  }

  async hasTerminal(): Promise<boolean> {
    const request = { method: "GET", path: containerPath(this.#id, "/json") } as const;
    const { body } = await this.#transport.call(request, within(QUICK_MS, { signal: this.#signal }));
    return (body as ContainerDocument).Config.Tty === true;
  }

  readTail(pieces: number): AsyncIterable<Buffer> {
    return this.read({ tail: String(pieces), since: null, until: null }, false);
  }

  async *read(
    { since, tail, until }: Pick<LogWindow, "since" | "tail" | "until">,
    follow: boolean,
  ): AsyncGenerator<Buffer> {
    const query = {
      stdout: "1",
      stderr: "1",
      timestamps: "1",
      follow: follow ? "1" : "0",
      tail,
      ...(since === null ? {} : { since }),
      ...(until === null ? {} : { until }),
    };
    const request = { method: "GET", path: containerPath(this.#id, "/logs"), query } as const;
    const silence = { headersTimeoutMs: SEARCH_MS, idleTimeoutMs: follow ? null : SEARCH_MS };
    const { chunks } = await this.#transport.stream(request, { ...silence, signal: this.#signal });
    yield* chunks;
  }
}

/** A ring: the last lines of a stream whose end is not known. */
class LastLines {
  readonly #ring: ContainerLogLine[] = [];
  readonly #capacity: number;
  #count = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(lines: ContainerLogLine[]): void {
    for (const line of lines) {
      this.#ring[this.#count % this.#capacity] = { ...line, line: Buffer.from(line.line) };
      this.#count += 1;
    }
  }

  lines(): ContainerLogLine[] {
    const start = this.#count % this.#capacity;
    return this.#count <= this.#capacity ? this.#ring : [...this.#ring.slice(start), ...this.#ring.slice(0, start)];
  }
}
