import type { Json } from "../../protocol/messages.ts";
import type { Route } from "../http/route.ts";

/** What the API's description says of each endpoint, beside the code that answers. */

type Operation = Route["operation"];

export const ROOT_OPERATION: Operation = {
  summary: "Name, version and endpoints",
  responses: { "200": json("What this server is", { type: "object" }) },
};

export const RUN_OPERATION: Operation = {
  summary: "Run the workflow",
  description:
    "Starts one job, always. Done within the synchronous timeout, it is answered with the outputs; else, or with " +
    "`Prefer: respond-async`, with 202 and the place to look at. A slow job is never started a second time.",
  parameters: [
    header("Idempotency-Key", "A request with the same key and body returns the same job"),
    header("Prefer", "`respond-async`: do not wait for the job"),
  ],
  requestBody: { content: { "application/json": { schema: ref("Inputs") } } },
  responses: {
    "200": json("The job is done", {
      type: "object",
      properties: {
        status: { const: "success" },
        job_id: { type: "string" },
        execution_time_ms: { type: "integer" },
        outputs: ref("Outputs"),
      },
      required: ["status", "job_id", "execution_time_ms", "outputs"],
    }),
    "202": {
      ...json("The job goes on", {
        type: "object",
        properties: { status: { const: "async" }, job_id: { type: "string" } },
        required: ["status", "job_id"],
      }),
      headers: { Location: { description: "`/status/ID`", schema: { type: "string" } } },
    },
    "400": error("The body is not JSON"),
    "409": error("The Idempotency-Key came with another body before, or the job was cancelled"),
    "413": error("The body is too large"),
    "422": error("The inputs are wrong: one entry a field in `details`"),
    "429": error("Too many jobs run and wait: come back after `Retry-After` seconds"),
    "500": error("The job failed"),
    "503": error("The server is shutting down, or cannot keep jobs"),
  },
};

export const STATUS_OPERATION: Operation = {
  summary: "The state of a job",
  parameters: [idParameter()],
  responses: { "200": json("The job", ref("Job")), "404": error("There is no such job") },
};

export const JOBS_OPERATION: Operation = {
  summary: "All jobs, newest first, in pages",
  parameters: [
    query("limit", "How many at most", { type: "integer", minimum: 1, maximum: 200, default: 50 }),
    query("cursor", "`next_cursor` of the page before", { type: "string" }),
  ],
  responses: {
    "200": json("A page", {
      type: "object",
      properties: {
        jobs: { type: "array", items: ref("JobSummary") },
        next_cursor: { type: ["string", "null"] },
      },
      required: ["jobs", "next_cursor"],
    }),
    "400": error("A wrong limit or cursor"),
  },
};

export const CANCEL_OPERATION: Operation = {
  summary: "Cancel a job",
  parameters: [idParameter()],
  responses: {
    "202": json("It is being cancelled, or is by now", ref("Job")),
    "404": error("There is no such job"),
    "409": error("The job has ended already"),
  },
};

export const EVENTS_OPERATION: Operation = {
  summary: "The events of a job as they happen",
  description:
    "Server-sent events; each frame's data is one event as JSON, its id the event's number. The stream ends with the " +
    "terminal event.",
  parameters: [
    idParameter(),
    header("Last-Event-ID", "Go on after the event of this number"),
    query("after", "The same, where no header can be set", { type: "integer", minimum: 0 }),
  ],
  responses: {
    "200": {
      description: "The events",
      content: { "text/event-stream": { schema: { type: "string" } } },
    },
    "204": { description: "The job has ended, and there is nothing after this number" },
    "404": error("There is no such job"),
  },
};

export const HEALTH_OPERATION: Operation = {
  summary: "Whether the server is alive",
  responses: { "200": json("It is", { type: "object" }) },
};

export const READY_OPERATION: Operation = {
  summary: "Whether the server can take work",
  responses: {
    "200": json("It can", { type: "object" }),
    "503": json("It cannot; `checks` says why", { type: "object" }),
  },
};

export const SCHEMA_OPERATION: Operation = {
  summary: "Inputs and outputs as JSON Schema",
  responses: {
    "200": json("The schemas", {
      type: "object",
      properties: { inputs: { type: "object" }, outputs: { type: "object" } },
      required: ["inputs", "outputs"],
    }),
  },
};

export const OPENAPI_OPERATION: Operation = {
  summary: "This API as an OpenAPI document",
  responses: { "200": json("The document", { type: "object" }) },
};

export const DOCS_OPERATION: Operation = {
  summary: "This API for people to read",
  responses: { "200": { description: "A page", content: { "text/html": { schema: { type: "string" } } } } },
};

export const METRICS_OPERATION: Operation = {
  summary: "Metrics for Prometheus",
  responses: { "200": { description: "The metrics", content: { "text/plain": { schema: { type: "string" } } } } },
};

function json(description: string, schema: Json): { [key: string]: Json } {
  return { description, content: { "application/json": { schema } } };
}

function error(description: string): { [key: string]: Json } {
  return json(description, ref("Error"));
}

function ref(name: string): { [key: string]: Json } {
  return { $ref: `#/components/schemas/${name}` };
}

function idParameter(): Json {
  return { name: "id", in: "path", required: true, description: "The id of a job", schema: { type: "string" } };
}

function header(name: string, description: string): Json {
  return { name, in: "header", required: false, description, schema: { type: "string" } };
}

function query(name: string, description: string, schema: Json): Json {
  return { name, in: "query", required: false, description, schema };
}
