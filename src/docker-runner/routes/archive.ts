import Type from "typebox";
import { validationError } from "../api-error.ts";
import type { App } from "../app.ts";
import { readBase64 } from "../base64.ts";
import { ENGINE_ANSWER_MS } from "../lifecycle/deadlines.ts";
import { ContainerReference, failures, Nothing, strict } from "../schemas/fields.ts";
import type { Service } from "../service.ts";

const Path = Type.String({ minLength: 1, maxLength: 4096 });
const Place = Type.Object({ containerId: ContainerReference, path: Path }, strict);
const ArchiveBody = Type.Object({ containerId: ContainerReference, path: Path, payloadBase64: Type.String() }, strict);

/** Files into a container: a tar in JSON, or as it is with the place in the query. */
export function addArchiveRoute(app: App, { activity, engine, own }: Service): void {
  app.post(
    "/v1/containers/putArchive",
    {
      schema: {
        querystring: Type.Partial(Place),
        body: {
          content: {
            "application/json": { schema: ArchiveBody },
            "application/x-tar": { schema: Type.Unsafe<Buffer>({}) },
          },
        },
        response: { 204: Nothing, ...failures },
      },
    },
    async (request, reply) => {
      const { containerId, path, tar } = readRequest(request.body, request.query);
      const { document } = await own.find(containerId);
      await engine.putArchive(document.Id, path, tar, { timeoutMs: ENGINE_ANSWER_MS });
      activity.touch(document.Id);
      return reply.code(204).send(null);
    },
  );
}

interface Archive {
  containerId: string;
  path: string;
  tar: Buffer;
}

function readRequest(body: unknown, query: { containerId?: string; path?: string }): Archive {
  if (Buffer.isBuffer(body)) {
    const { containerId, path } = query;
    if (containerId === undefined || path === undefined) {
      throw validationError("a tar needs containerId and path in the query");
    }
    return { containerId, path, tar: body };
  }
  const { containerId, path, payloadBase64 } = body as Type.Static<typeof ArchiveBody>; // The schema saw to it.
  const tar = readBase64(payloadBase64);
  if (tar === null) throw validationError("payloadBase64 is no base64");
  return { containerId, path, tar };
}
