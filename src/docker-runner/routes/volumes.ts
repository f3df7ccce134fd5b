import { policyDenied } from "../api-error.ts";
import type { App } from "../app.ts";
import { matchesAny } from "../policy/glob.ts";
import { RemoveVolumeBody } from "../schemas/containers.ts";
import { failures, Nothing } from "../schemas/fields.ts";
import type { Service } from "../service.ts";

export function addVolumeRoutes(app: App, { engine, policy }: Service): void {
  app.post(
    "/v1/volumes/remove",
    { schema: { body: RemoveVolumeBody, response: { 204: Nothing, ...failures } } },
    async (request, reply) => {
      const { force = false, volumeName } = request.body;
      if (!matchesAny(policy.volumes, volumeName)) {
        throw policyDenied(`the policy does not allow the volume ${JSON.stringify(volumeName)}`);
      }
      await engine.removeVolume(volumeName, { force });
      return reply.code(204).send(null);
    },
  );
}
