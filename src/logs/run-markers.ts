import type { ContainerInfo } from "../docker/engine.ts";
import { isLastLogOf } from "./last-container-log.ts";
import type { MarkerRecord } from "./record.ts";
import { markerOf } from "./source.ts";

interface Run {
  id: string;
  startedMs: number;
}

interface PendingMarker {
  record: MarkerRecord;
  /** Lines behind this moment are of the new run. */
  afterMs: number;
}

/**
 * Docker's stamps are late on both sides of a restart: the last lines of a run are stamped after its end, and the first
 * ones of the next before its start is noted. A line this close before a start is of the run that started.
 */
const EARLY_LINES_MS = 50;

/** Decides which marker stands between the lines of two runs of the agent-runner's container, and where. */
export class RunMarkers {
  readonly #lastLogFile: string;
  readonly #hasEarlierLines: boolean;
  #current: Run | null = null;
  /** Stands before the first line of another run. */
  #pending: PendingMarker | null = null;
  /** Deaths up to this moment have their marker. */
  #toldUntilMs = 0;
  #hasToldLoss = false;

  constructor(options: { lastLogFile: string; hasEarlierLines: boolean; current: ContainerInfo | null }) {
    this.#lastLogFile = options.lastLogFile;
    this.#hasEarlierLines = options.hasEarlierLines;
    if (options.current !== null) this.#current = runOf(options.current);
  }

  /** The run that is read, as far as is known. */
  get current(): Readonly<Run> | null {
    return this.#current;
  }

  /** Notes the container that is there; true when it is another one than before. */
  noticeContainer(container: ContainerInfo): boolean {
    const previous = this.#current;
    this.#current = runOf(container);
    if (container.id !== previous?.id) {
      this.#noticeReplacement(previous);
      return true;
    }
    const { startedMs } = this.#current;
    if (startedMs === previous.startedMs || this.#pending !== null) return false;
    const finishedMs = timeOf(container.state.finishedAt);
    const hasEndedToo = finishedMs > startedMs;
    // The end that is noted is then its own, not that of the run before; what was told since that one began was that end.
    const earlierEndMs = hasEndedToo ? previous.startedMs : finishedMs;
    if (earlierEndMs <= this.#toldUntilMs) return false;
    this.#pending = restartMarker(hasEndedToo ? startedMs - EARLY_LINES_MS : (finishedMs + startedMs) / 2);
    return false;
  }

  /**
   * Notes that lines from now on may be of another run: the container died, and was perhaps started again already.
   *
   * @param deathsMs Oldest first.
   */
  noticeDeaths(id: string, deathsMs: readonly number[]): void {
    if (this.#pending !== null || this.#current?.id !== id) return;
    const fromMs = Math.max(this.#toldUntilMs, this.#current.startedMs);
    const deathMs = deathsMs.find((timeMs) => timeMs > fromMs);
    if (deathMs !== undefined) this.#pending = restartMarker(deathMs);
  }

  /** The marker for a container that is gone because somebody else removed it. What the supervisor removes it saves first. */
  noticeAbsence(): MarkerRecord | null {
    return this.#lossOf(this.#current);
  }

  /** The marker that stands before a line of this time. */
  takeBefore(timeMs: number): MarkerRecord | null {
    return this.#pending === null || timeMs <= this.#pending.afterMs ? null : this.takeNow();
  }

  /** The marker of a run that runs and has said nothing yet. */
  takeNow(): MarkerRecord | null {
    const pending = this.#pending;
    if (pending === null) return null;
    this.#pending = null;
    this.#toldUntilMs = Math.max(this.#toldUntilMs, pending.afterMs);
    return pending.record;
  }

  #noticeReplacement(previous: Run | null): void {
    const hasToldLoss = this.#hasToldLoss;
    const isFirst = previous === null && !this.#hasEarlierLines;
    const record = this.#lossOf(previous) ?? (hasToldLoss || isFirst ? null : this.#replacementMarker());
    this.#hasToldLoss = false;
    this.#toldUntilMs = 0;
    this.#pending = record === null ? null : { record, afterMs: 0 };
  }

  #lossOf(run: Run | null): MarkerRecord | null {
    if (run === null || this.#hasToldLoss || isLastLogOf(this.#lastLogFile, run.id)) return null;
    this.#hasToldLoss = true;
    const detail = `container ${run.id.slice(0, 12)} was removed by hand, and its log with it`;
    return markerOf("agent-runner", "lost", { timeMs: Date.now(), detail });
  }

  #replacementMarker(): MarkerRecord {
    const detail = `goes on with container ${this.#current?.id.slice(0, 12)}`;
    return markerOf("agent-runner", "restarted", { timeMs: this.#current?.startedMs ?? Date.now(), detail });
  }
}

/** Docker's zero time, `0001-01-01T00:00:00Z`, lies before everything. */
function timeOf(text: string): number {
  return Math.max(0, Date.parse(text) || 0);
}

function runOf({ id, state }: ContainerInfo): Run {
  return { id, startedMs: timeOf(state.startedAt) };
}

function restartMarker(afterMs: number): PendingMarker {
  const detail = "the container was started again";
  return { record: markerOf("agent-runner", "restarted", { timeMs: afterMs, detail }), afterMs };
}
