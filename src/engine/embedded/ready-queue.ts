import type { QueueName } from "@stigmer/agent-runner/protocol";
import { countLeased, type LiveExecution } from "./live-execution.ts";
import type { Work } from "./work.ts";

/** Tasks that no runner holds, by queue and age: what comes back after a death goes before what is younger. */
export class ReadyQueue {
  readonly #byQueue = new Map<QueueName, Work[]>();

  /** Oldest first. */
  waiting(queue: QueueName): readonly Work[] {
    return this.#byQueue.get(queue) ?? [];
  }

  /**
   * The next `count` at most: always one of the execution of which runners hold the fewest, the oldest of those. So a
   * fork of a hundred nodes does not keep others waiting until all of them are through.
   */
  next(queue: QueueName, count: number): Work[] {
    const chosen = new Set<Work>();
    const held = new HeldTasks();
    while (chosen.size < count) {
      const work = fewestHeld(this.waiting(queue), chosen, held);
      if (work === null) break;
      chosen.add(work);
      held.add(work.execution);
    }
    return [...chosen];
  }

  add(work: Work): void {
    const waiting = this.#byQueue.get(work.queue) ?? [];
    this.#byQueue.set(work.queue, waiting);
    const place = waiting.findLastIndex((other) => other.number < work.number) + 1;
    waiting.splice(place, 0, work);
  }

  remove(work: Work): void {
    const waiting = this.#byQueue.get(work.queue);
    const place = waiting?.indexOf(work) ?? -1;
    if (place >= 0) waiting?.splice(place, 1);
  }
}

function fewestHeld(waiting: readonly Work[], chosen: ReadonlySet<Work>, held: HeldTasks): Work | null {
  let best: Work | null = null;
  let fewest = Number.POSITIVE_INFINITY;
  for (const work of waiting) {
    if (chosen.has(work)) continue;
    const count = held.of(work.execution);
    if (count === 0) return work;
    if (count < fewest) [best, fewest] = [work, count];
  }
  return best;
}

/** How many tasks runners hold of each execution, with those that they are about to get; counted once. */
class HeldTasks {
  readonly #counts = new Map<LiveExecution, number>();

  of(execution: LiveExecution): number {
    const known = this.#counts.get(execution);
    if (known !== undefined) return known;
    const count = countLeased(execution);
    this.#counts.set(execution, count);
    return count;
  }

  add(execution: LiveExecution): void {
    this.#counts.set(execution, this.of(execution) + 1);
  }
}
