import type { EventType, ExecutionEvent, Json } from "../protocol/messages.ts";
import { integer, integerOrNull, json, text } from "./columns.ts";
import type { Row, SqlDriver } from "./driver.ts";

export interface NewEvent {
  type: EventType;
  /** RFC 3339 with milliseconds. */
  time: string;
  data: { [key: string]: Json };
  /** How a runner's event is recognised when it is sent again; absent for what no runner sent. */
  delivery?: { run: number; attempt: number; step: number; index: number };
}

/** The event log: numbered from 1 without a gap within an execution, never changed, and deleted only with it. */
export interface Events {
  /** The number of the last event, 0 when there is none. */
  lastSeq(execution: number): number;
  /**
   * Appends in order after number `lastSeq`, which must be the last; what was delivered before is left out. Returns
   * the number of the last event there is then.
   */
  append(execution: number, lastSeq: number, events: readonly NewEvent[]): number;
  /** Up to `limit` events after number `afterSeq`. */
  page(execution: { number: number; id: string }, afterSeq: number, limit: number): ExecutionEvent[];
}

export function createEvents(driver: SqlDriver): Events {
  return {
    lastSeq: (execution) => {
      const row = driver.get("SELECT MAX(seq) AS last FROM events WHERE execution = ?", execution);
      return row === null ? 0 : (integerOrNull(row, "last") ?? 0);
    },
    append: (execution, lastSeq, events) =>
      driver.transaction(() => {
        let seq = lastSeq;
        for (const { type, time, data, delivery } of events) {
          seq += driver.run(
            `INSERT INTO events (execution, seq, type, time, run, attempt, step, item, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (execution, run, attempt, step, item) WHERE attempt IS NOT NULL DO NOTHING`,
            execution,
            seq + 1,
            type,
            time,
            delivery?.run ?? 0,
            delivery?.attempt ?? null,
            delivery?.step ?? null,
            delivery?.index ?? null,
            JSON.stringify(data),
          );
        }
        return seq;
      }),
    page: ({ number, id }, afterSeq, limit) =>
      driver
        .all(
          "SELECT seq, type, time, data FROM events WHERE execution = ? AND seq > ? ORDER BY seq LIMIT ?",
          number,
          afterSeq,
          limit,
        )
        .map((row) => toEvent(row, id)),
  };
}

function toEvent(row: Row, executionId: string): ExecutionEvent {
  return {
    type: text(row, "type") as EventType,
    seq: integer(row, "seq"),
    time: text(row, "time"),
    executionId,
    data: json(row, "data") as ExecutionEvent["data"],
  };
}
