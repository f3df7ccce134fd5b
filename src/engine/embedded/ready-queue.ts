import type { QueueName } from "@stigmer/agent-runner/protocol";
import type { Work } from "./work.ts";

/** Executions that no runner holds, by queue and age: what comes back after a death goes before what is younger. */
export class ReadyQueue {
  readonly #byQueue = new Map<QueueName, Work[]>();

  /** Oldest first. */
  waiting(queue: QueueName): readonly Work[] {
    return this.#byQueue.get(queue) ?? [];
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
