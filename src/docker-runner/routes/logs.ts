import Type, { type Static } from "typebox";
import { validationError } from "../api-error.ts";
import type { App } from "../app.ts";
import { readOutput } from "../exec/read-output.ts";
import { ContainerReference, EventStream, failures, QueryBoolean, strict } from "../schemas/fields.ts";
import type { Service } from "../service.ts";
import { openEventStream } from "../streams/event-stream.ts";
import { messageOf } from "../streams/failure-frame.ts";
import { toEngineTime } from "../streams/instant.ts";

const LogsQuery = Type.Object(
  {
    containerId: ContainerReference,
    follow: Type.Optional(QueryBoolean),
    since: Type.Optional(Type.String()),
    tail: Type.Optional(Type.String({ pattern: "^(all|[0-9]{1,9})$" })),
    stdout: Type.Optional(QueryBoolean),
    stderr: Type.Optional(QueryBoolean),
    timestamps: Type.Optional(QueryBoolean),
    demux: Type.Optional(QueryBoolean),
  },
  strict,
);

export function addLogsRoute(app: App, service: Service): void {
  const { activity, engine, own } = service;

  app.get(
    "/v1/containers/logs/sse",
    {
      config: { kind: "stream" },
      schema: { querystring: LogsQuery, response: { 200: EventStream, ...failures } },
    },
    async (request, reply) => {
      const { containerId, demux = "false" } = request.query;
      const query = toEngineQuery(request.query);
      const { document } = await own.find(containerId);
      const reading = new AbortController();
      const chunks = await engine.readLogs(document.Id, query, { signal: reading.signal });
      const endUse = activity.begin(document.Id);
      const stream = openEventStream(request, reply, service);
      stream.signal.addEventListener("abort", () => reading.abort(stream.signal.reason), { once: true });
      if (stream.signal.aborted) reading.abort(stream.signal.reason);
      try {
        if (demux === "true") {
          await readOutput(chunks, { tty: document.Config.Tty === true }, (from, bytes) =>
            stream.send({ type: "chunk", stream: from, data: bytes.toString("base64") }),
          );
        } else {
          for await (const chunk of chunks) await stream.send({ type: "chunk", data: chunk.toString("base64") });
        }
        await stream.end({ type: "end" });
      } catch (error) {
        await stream.end({ type: "error", message: messageOf(error) });
      } finally {
        endUse();
      }
    },
  );
}

function toEngineQuery(query: Static<typeof LogsQuery>): Record<string, string> {
  const { follow = "true", since, stderr = "true", stdout = "true", tail, timestamps = "false" } = query;
  if (stdout === "false" && stderr === "false") throw validationError("one of stdout and stderr must be read");
  return {
    follow,
    stdout,
    stderr,
    timestamps,
    ...(tail === undefined ? {} : { tail }),
    ...(since === undefined ? {} : { since: toEngineTime(since) }),
  };
}
