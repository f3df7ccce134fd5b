import type { Mask } from "../logging/mask.ts";
import type { Json, RunnerEventType, StepRecord } from "../protocol/messages.ts";
import type { TaskChannel } from "../session/task-channel.ts";

/** Hands events and step records to the channel: numbered within their step, dated, and without secrets. */
export interface Recorder {
  event(step: number, type: RunnerEventType, data: { [key: string]: Json }): void;
  /** @returns the record as it is kept. */
  step<Record extends StepRecord>(step: number, phase: "started" | "finished", record: Record): Record;
  /** Resolves when the server holds everything recorded so far. */
  recorded(): Promise<void>;
}

/** @param common stands in the data of every event */
export function createRecorder(channel: TaskChannel, mask: Mask, common: { [key: string]: Json } = {}): Recorder {
  const nextIndex = new Map<number, number>();
  return {
    event(step, type, data) {
      const index = nextIndex.get(step) ?? 0;
      nextIndex.set(step, index + 1);
      const time = new Date().toISOString();
      channel.deliver({ kind: "event", step, index, type, time, data: maskAll({ ...data, ...common }, mask) });
    },
    step(step, phase, record) {
      const kept = maskAll(record, mask);
      channel.deliver({ kind: "step", step, phase, record: kept });
      return kept;
    },
    recorded: () => channel.delivered(),
  };
}

/** The same value with every text in it masked; its shape stays, hence the assertions. */
function maskAll<Value>(value: Value, mask: Mask): Value {
  if (typeof value === "string") return mask.apply(value) as Value;
  if (Array.isArray(value)) return value.map((item) => maskAll(item, mask)) as Value;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, maskAll(item, mask)])) as Value;
}
