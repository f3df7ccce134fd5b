import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ApiError, shuttingDown } from "./api-error.ts";
import { Gate } from "./auth/gate.ts";
import type { Service } from "./service.ts";
import "./visit.ts";

/**
 * What happens to every request before its route: it is noted, proved, counted. Unknown paths and upgrades come through
 * here as well.
 */
export function addAdmission(app: FastifyInstance, service: Service): void {
  app.decorateRequest("visit");
  app.addHook("onRequest", async (request, reply) => {
    beginVisit(app, request, reply, service);
    if (Gate.isOpen(request.raw)) return;
    request.visit.body = await service.gate.admit(request.raw, reply.raw, { isUpgrade: request.ws === true });
    try {
      enter(request, reply, service);
    } catch (error) {
      if (!request.ws || !(error instanceof ApiError)) throw error;
      request.visit.refusal = error; // After authentication a WebSocket hears of every failure as a frame.
    }
  });
}

/** For requests that never come to a route because their path cannot be read. */
export async function admitUnreadable(
  app: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply,
  service: Service,
): Promise<void> {
  beginVisit(app, request, reply, service);
  await service.gate.admit(request.raw, reply.raw, { isUpgrade: false });
}

function beginVisit(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply, service: Service): void {
  request.visit = {
    startedAtMs: performance.now(),
    containerId: null,
    errorCode: null,
    refusal: null,
    isUpgraded: false,
    body: Buffer.alloc(0),
  };
  if (Gate.isOpen(request.raw)) return;
  reply.raw.once("close", () => audit(app, request, reply, service));
}

function enter(request: FastifyRequest, reply: FastifyReply, { concurrency, shutdown }: Service): void {
  if (shutdown.begun.aborted) throw shuttingDown();
  reply.raw.once("close", concurrency.enter(request.routeOptions.config.kind ?? "request"));
}

/** One line a request. The query, the headers and the body stay out of it: they may hold secrets. */
function audit(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply, { metrics }: Service): void {
  const { errorCode, isUpgraded, startedAtMs } = request.visit;
  const route = request.routeOptions?.url ?? "(none)";
  const status = isUpgraded ? 101 : reply.raw.statusCode;
  metrics.countRequest(request.method, route, status);
  if (errorCode !== null) metrics.countRefusal(errorCode);
  app.audit({
    method: request.method,
    path: request.routeOptions?.url ?? pathOf(request.raw.url ?? ""),
    status,
    ms: Math.round((performance.now() - startedAtMs) * 10) / 10,
    containerId: request.visit.containerId ?? namedContainer(request.query) ?? namedContainer(request.body),
    ...(errorCode === null ? {} : { error: errorCode }),
    ...(isUpgraded || reply.raw.writableFinished ? {} : { gone: true }),
  });
}

function pathOf(url: string): string {
  return (url.split("?")[0] ?? "").slice(0, 200);
}

/** As the caller named it. */
function namedContainer(fields: unknown): string | null {
  if (typeof fields !== "object" || fields === null || !("containerId" in fields)) return null;
  return typeof fields.containerId === "string" ? fields.containerId.slice(0, 128) : null;
}
