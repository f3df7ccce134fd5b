import { containerNotFound } from "../api-error.ts";
import type { App } from "../app.ts";
import { ENGINE_ANSWER_MS } from "../lifecycle/deadlines.ts";
import { RemoveBody, StopBody } from "../schemas/containers.ts";
import { ContainerBody, failures, Nothing } from "../schemas/fields.ts";
import type { Service } from "../service.ts";

const DEFAULT_GRACE_SECONDS = 10;
const done = { 204: Nothing, ...failures };

/** What ends a container, or keeps it. */
export function addContainerRoutes(app: App, { activity, engine, own, sweeper }: Service): void {
  app.post("/v1/containers/stop", { schema: { body: StopBody, response: done } }, async (request, reply) => {
    const { containerId, timeoutSec = DEFAULT_GRACE_SECONDS } = request.body;
    const found = await own.findIfThere(containerId);
    if (found?.document.State.Running) await engine.stopContainer(found.document.Id, timeoutSec * 1000);
    return reply.code(204).send(null);
  });

  app.post("/v1/containers/remove", { schema: { body: RemoveBody, response: done } }, async (request, reply) => {
    const { containerId, force = false, removeVolumes = false } = request.body;
    const found = await own.findIfThere(containerId);
    if (found !== null) {
      await engine.removeContainer(found.document.Id, { force, volumes: removeVolumes, timeoutMs: ENGINE_ANSWER_MS });
      activity.forget(found.document.Id);
    }
    return reply.code(204).send(null);
  });

  app.post("/v1/containers/touch", { schema: { body: ContainerBody, response: done } }, async (request, reply) => {
    const { containerId } = request.body;
    const { document } = await own.find(containerId);
    if (sweeper.isLeaving(document.Id)) throw containerNotFound(containerId);
    activity.touch(document.Id);
    return reply.code(204).send(null);
  });
}
