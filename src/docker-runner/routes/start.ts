import { validationError } from "../api-error.ts";
import type { App } from "../app.ts";
import { ContainerOptions, StartedContainer } from "../schemas/containers.ts";
import { failures } from "../schemas/fields.ts";
import type { Service } from "../service.ts";

const MAX_KEY_LENGTH = 256;

export function addStartRoute(app: App, { starter }: Service): void {
  app.post(
    "/v1/containers/start",
    { schema: { body: ContainerOptions, response: { 200: StartedContainer, ...failures } } },
    async (request, reply) => {
      const key = readKey(request.headers["idempotency-key"]);
      const container = await starter.start(request.body, key);
      request.visit.containerId = container.containerId;
      // Without a key, a caller that left cannot learn of this container any more.
      if (key === null && reply.raw.destroyed) await starter.discard(container.containerId);
      return container;
    },
  );
}

function readKey(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  if (typeof header !== "string" || header === "" || header.length > MAX_KEY_LENGTH) {
    throw validationError(`Idempotency-Key is one text of at most ${MAX_KEY_LENGTH} characters`);
  }
  return header;
}
