import { streamEvents } from "../http/event-stream.ts";
import { HttpFailure } from "../http/http-failure.ts";
import type { ApiRequest, Route } from "../http/route.ts";
import type { Deployment } from "./deployment.ts";
import { findJob } from "./job-document.ts";
import { EVENTS_OPERATION } from "./operations.ts";

const PAGE = 200;

/** `GET /events/{id}`: what happened so far and what happens, resumed after the number in `Last-Event-ID`. */
export function eventsRoute({ store, bell, closing }: Deployment): Route {
  return {
    method: "GET",
    path: "/events/{id}",
    isOpen: false,
    operation: EVENTS_OPERATION,
    handle: (request) => {
      const job = findJob(store, request.params["id"]);
      const afterSeq = readPosition(request);
      // A browser's EventSource comes back after every end; 204 tells it that there is nothing more.
      if (job.completedAt !== null && afterSeq >= store.events.lastSeq(job.number)) {
        return { status: 204, text: "", type: "text/event-stream" };
      }
      const source = {
        page: (after: number) => store.events.page(job, after, PAGE),
        listen: (listener: () => void) => bell.listen(job.number, listener),
      };
      return { stream: (response, signal) => streamEvents(response, { source, afterSeq, signal, closing }) };
    },
  };
}

function readPosition({ headers, query }: ApiRequest): number {
  const given = headers["last-event-id"] ?? query.get("after") ?? "0";
  const text = typeof given === "string" ? given.trim() : "";
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new HttpFailure(400, "bad_request", "Last-Event-ID is the number of an event");
}
