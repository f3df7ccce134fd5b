import type { FastifyReply } from "fastify";
import { callerGone } from "../api-error.ts";
import type { App } from "../app.ts";
import { runExec } from "../exec/run-exec.ts";
import { ExecOutcome, ExecResizeBody, ExecRunBody } from "../schemas/exec.ts";
import { failures, Nothing } from "../schemas/fields.ts";
import type { Service } from "../service.ts";

export function addExecRoutes(app: App, service: Service): void {
  const { activity, engine, metrics, own, shutdown } = service;

  app.post(
    "/v1/exec/run",
    { schema: { body: ExecRunBody, response: { 200: ExecOutcome, ...failures } } },
    async (request, reply) => {
      const { command, containerId, options = {} } = request.body;
      const { document } = await own.find(containerId);
      const endUse = activity.begin(document.Id);
      const endExec = metrics.beginExec();
      const gone = goneSignal(reply, shutdown.hurried);
      try {
        return await runExec(service, { ...options, command, containerId: document.Id }, gone.signal);
      } finally {
        gone.end();
        endExec();
        endUse();
      }
    },
  );

  app.post(
    "/v1/exec/resize",
    { schema: { body: ExecResizeBody, response: { 204: Nothing, ...failures } } },
    async (request, reply) => {
      const { execId, size } = request.body;
      const { ContainerID } = await engine.inspectExec(execId);
      request.visit.containerId = ContainerID;
      await own.find(ContainerID);
      await engine.resizeExec(execId, { columns: size.cols, rows: size.rows });
      return reply.code(204).send(null);
    },
  );
}

/** Aborted when the caller hangs up before it has its answer, or when the service cannot wait any longer. */
function goneSignal(reply: FastifyReply, hurried: AbortSignal): { signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const hangUp = () => {
    if (!reply.raw.writableFinished) controller.abort(callerGone());
  };
  const hurry = () => controller.abort(hurried.reason);
  reply.raw.once("close", hangUp);
  hurried.addEventListener("abort", hurry, { once: true });
  if (reply.raw.destroyed) hangUp();
  if (hurried.aborted) hurry();
  return {
    signal: controller.signal,
    end() {
      reply.raw.off("close", hangUp);
      hurried.removeEventListener("abort", hurry);
    },
  };
}
