import {
  type AdvanceRequest,
  type CompleteRequest,
  type DeliverRequest,
  type HelloRequest,
  type ProtocolError,
  QUEUES,
} from "@stigmer/agent-runner/protocol";
import * as v from "valibot";
import { RunnerRefusal } from "../../engine/embedded/refusal.ts";
import type { RunnerApi } from "../../engine/embedded/runner-api.ts";
import { AppError } from "../../errors.ts";
import type { ApiRequest, ApiResponse, Route } from "../route.ts";
import { mapOf, readBody } from "./read-body.ts";

const id = v.pipe(v.string(), v.minLength(1), v.maxLength(256));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const tokens = v.object({ input: v.number(), output: v.number() });
// What JSON.parse made is JSON; deeper than this the server does not look.
const json = v.unknown();
const values = mapOf((value): value is unknown => value !== undefined);

const hello = v.object({
  runnerId: v.nullable(id),
  queue: v.picklist(Object.values(QUEUES)),
  version: v.string(),
  pid: v.number(),
  concurrency: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  workspace: v.nullable(v.object({ path: v.string(), writable: v.boolean(), reason: v.nullable(v.string()) })),
});

const event = v.object({
  kind: v.literal("event"),
  step: count,
  index: count,
  type: v.picklist([
    "execution.started",
    "step.started",
    "message.delta",
    "message.completed",
    "tool.started",
    "tool.completed",
    "step.retried",
    "node.started",
    "node.completed",
  ]),
  time: v.pipe(v.string(), v.isoTimestamp()),
  data: values,
});

const record = v.variant("kind", [
  v.looseObject({
    kind: v.literal("model"),
    text: v.nullable(v.string()),
    toolCalls: v.array(v.looseObject({ callId: v.string(), tool: v.string(), arguments: json })),
    tokens,
    finishReason: v.nullable(v.string()),
  }),
  v.looseObject({
    kind: v.literal("tool"),
    callId: v.string(),
    tool: v.string(),
    arguments: json,
    ok: v.nullable(v.boolean()),
    output: v.nullable(v.string()),
  }),
]);

const step = v.object({ kind: v.literal("step"), step: count, phase: v.picklist(["started", "finished"]), record });
const items = v.pipe(v.array(v.variant("kind", [event, step])), v.maxLength(10_000));

const failure = v.object({ code: v.string(), message: v.string() });
const outcome = v.variant("phase", [
  v.object({ phase: v.literal("succeeded"), output: json, tokens }),
  v.object({ phase: v.literal("failed"), error: failure, tokens }),
  v.object({ phase: v.literal("cancelled") }),
  v.object({ phase: v.literal("timed_out") }),
]);

const poll = v.object({ sessionId: id, capacity: v.pipe(v.number(), v.safeInteger(), v.minValue(1)) });
const heartbeat = v.object({ sessionId: id, leaseIds: v.pipe(v.array(id), v.maxLength(10_000)) });
const deliver = v.object({ sessionId: id, leaseId: id, items });
const complete = v.object({ ...deliver.entries, outcome });

const nodeRun = v.object({
  run: v.pipe(count, v.minValue(1)),
  node: v.string(),
  iteration: v.pipe(count, v.minValue(1)),
  state: values,
});
const decision = v.variant("kind", [
  v.object({ kind: v.literal("run"), runs: v.pipe(v.array(nodeRun), v.maxLength(10_000)) }),
  v.object({ kind: v.literal("finish"), output: values }),
  v.object({ kind: v.literal("fail"), error: failure, node: v.nullable(v.string()) }),
]);
const advance = v.object({ sessionId: id, leaseId: id, decision });
const bye = v.object({ sessionId: id });

/** The runner protocol (`agent-runner/src/protocol/messages.ts`) over HTTP. Errors are `{"error": {code, message}}`. */
export function runnerRoutes({ runner }: { runner: RunnerApi }): Route[] {
  return [
    route("sessions", ({ body }) => runner.hello(readBody(hello, body) satisfies HelloRequest)),
    route("poll", ({ body, signal }) => runner.poll(readBody(poll, body), signal)),
    route("heartbeat", ({ body }) => runner.heartbeat(readBody(heartbeat, body))),
    route("deliver", ({ body }) => runner.deliver(readBody(deliver, body) as DeliverRequest)),
    route("complete", ({ body }) => runner.complete(readBody(complete, body) as CompleteRequest)),
    route("advance", ({ body }) => runner.advance(readBody(advance, body) as AdvanceRequest)),
    route("bye", ({ body }) => runner.bye(readBody(bye, body).sessionId)),
  ];
}

function route(name: string, answer: (request: ApiRequest) => unknown): Route {
  return {
    method: "POST",
    path: `/v1/runner/${name}`,
    handle: async (request) => {
      try {
        return { status: 200, body: (await answer(request)) ?? {} };
      } catch (error) {
        return toRefusal(error);
      }
    },
  };
}

/**
 * A runner gives its lease up on any 4xx and repeats a call on 5xx: a full disk, say, must be a 5xx, or a moment of it
 * would lose finished work. What is no expected failure goes on to the framework, which answers 500 and reports it.
 */
function toRefusal(error: unknown): ApiResponse {
  if (error instanceof RunnerRefusal) return refusal(error.status, error);
  if (error instanceof AppError) return refusal(error.code === "USAGE" ? 400 : 503, error);
  throw error;
}

function refusal(status: number, { code, message }: { code: string; message: string }): ApiResponse {
  const body: ProtocolError = { error: { code, message } };
  return { status, body };
}
