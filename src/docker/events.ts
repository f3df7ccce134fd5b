import { AppError } from "../errors.ts";
import type { DockerEngine, EngineEvent } from "./engine.ts";
import { readJsonLines } from "./ndjson.ts";
import type { Transport } from "./transport.ts";

const HEADERS_MS = 10_000;

/** What is read of one line of `GET /events`. */
interface EventDocument {
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> | null };
  time: number;
  timeNano: number;
}

/**
 * The engine's container events. Rejects with an AppError when no engine takes the call; once it runs, it ends when the
 * engine goes or the signal aborts.
 */
export function createEventCalls(transport: Transport): Pick<DockerEngine, "events" | "imageEvents"> {
  return {
    async *events({ labels, signal, sinceMs }) {
      const query = {
        filters: JSON.stringify({ type: ["container"], label: labels }),
        ...(sinceMs === null ? {} : { since: toEngineTime(sinceMs) }),
      };
      for await (const document of follow(transport, query, signal)) yield toEngineEvent(document);
    },
    async *imageEvents(signal) {
      const query = { filters: JSON.stringify({ type: ["image"] }) };
      for await (const _ of follow(transport, query, signal)) yield;
    },
  };
}

async function* follow(
  transport: Transport,
  query: Record<string, string>,
  signal: AbortSignal,
): AsyncGenerator<EventDocument> {
  try {
    const deadlines = { headersTimeoutMs: HEADERS_MS, idleTimeoutMs: null, signal };
    const { chunks } = await transport.stream({ method: "GET", path: "/events", query }, deadlines);
    yield* readEvents(chunks);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function* readEvents(chunks: AsyncIterable<Buffer>): AsyncGenerator<EventDocument> {
  try {
    for await (const document of readJsonLines(chunks)) yield document as EventDocument;
  } catch (error) {
    // The engine went. That is news to who watches its containers, and no failure of the watching.
    if (error instanceof AppError && error.code === "DOCKER_NOT_RUNNING") return;
    throw error;
  }
}

function toEngineEvent({ Action, Actor, time, timeNano }: EventDocument): EngineEvent {
  return {
    kind: "container",
    action: Action,
    containerId: Actor.ID,
    timeMs: timeNano ? Math.floor(timeNano / 1e6) : time * 1000,
    attributes: Actor.Attributes ?? {},
  };
}

/** Seconds with a fraction. More decimals than a millisecond has would be the noise of the division. */
function toEngineTime(timeMs: number): string {
  return (timeMs / 1000).toFixed(3);
}
