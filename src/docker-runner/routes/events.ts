import Type from "typebox";
import type { EngineFilters } from "../../docker/runner-engine.ts";
import { validationError } from "../api-error.ts";
import type { App } from "../app.ts";
import { readBase64 } from "../base64.ts";
import { EventStream, failures, strict } from "../schemas/fields.ts";
import type { Service } from "../service.ts";
import { openEventStream } from "../streams/event-stream.ts";
import { messageOf } from "../streams/failure-frame.ts";
import { toEngineTime } from "../streams/instant.ts";
import { type JsonLine, JsonLines } from "../streams/json-lines.ts";

const EventsQuery = Type.Object(
  {
    since: Type.Optional(Type.String()),
    filters: Type.Optional(Type.String({ description: "base64 of JSON: names of filters to lists of values" })),
  },
  strict,
);

export function addEventsRoute(app: App, service: Service): void {
  const { engine, own } = service;

  app.get(
    "/v1/events/sse",
    { config: { kind: "stream" }, schema: { querystring: EventsQuery, response: { 200: EventStream, ...failures } } },
    async (request, reply) => {
      const { filters, since } = request.query;
      const query = {
        filters: JSON.stringify(own.narrow(filters === undefined ? {} : readFilters(filters))),
        ...(since === undefined ? {} : { since: toEngineTime(since) }),
      };
      const reading = new AbortController();
      const chunks = await engine.readEvents(query, { signal: reading.signal });
      const stream = openEventStream(request, reply, service);
      stream.signal.addEventListener("abort", () => reading.abort(stream.signal.reason), { once: true });
      if (stream.signal.aborted) reading.abort(stream.signal.reason);
      const lines = new JsonLines();
      try {
        for await (const chunk of chunks) {
          for (const line of lines.push(chunk)) await stream.send(toFrame(line));
        }
        for (const line of lines.end()) await stream.send(toFrame(line));
        await stream.end({ type: "end" });
      } catch (error) {
        for (const line of lines.end()) if ("document" in line) await stream.send(toFrame(line));
        await stream.end({ type: "error", message: messageOf(error) });
      }
    },
  );
}

/** A line that is no event is told, and the stream goes on. */
function toFrame(line: JsonLine): object {
  return "document" in line
    ? { type: "event", event: line.document }
    : { type: "error", message: line.problem, skipped: true };
}

/** Lists of values, or the engine's older form: values to true. */
function readFilters(text: string): EngineFilters {
  const filters = parseJson(readBase64(text)?.toString() ?? "");
  if (typeof filters !== "object" || filters === null || Array.isArray(filters)) throw unreadable();
  return Object.fromEntries(
    Object.entries(filters).map(([name, values]: [string, unknown]) => {
      const list = Array.isArray(values) ? values : namesOf(values);
      if (!list.every((value) => typeof value === "string")) throw unreadable();
      return [name, list];
    }),
  );
}

function namesOf(values: unknown): string[] {
  if (typeof values !== "object" || values === null) throw unreadable();
  return Object.entries(values).map(([name, isWanted]) => {
    if (isWanted !== true) throw unreadable();
    return name;
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unreadable();
  }
}

function unreadable() {
  return validationError("filters is base64 of a JSON object that maps names to lists of texts");
}
