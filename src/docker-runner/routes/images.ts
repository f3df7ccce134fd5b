import Type from "typebox";
import type { App } from "../app.ts";
import { allowedImage } from "../policy/image-rule.ts";
import { EventStream, failures, Nothing, strict } from "../schemas/fields.ts";
import type { Service } from "../service.ts";
import { openEventStream } from "../streams/event-stream.ts";
import { messageOf } from "../streams/failure-frame.ts";

const Image = Type.String({ minLength: 1, maxLength: 512 });
const Platform = Type.Optional(Type.String({ pattern: "^[a-z0-9]+(/[a-z0-9]+){0,2}$" }));

export function addImageRoutes(app: App, service: Service): void {
  const { policy, pulls } = service;

  app.post(
    "/v1/images/ensure",
    {
      schema: {
        body: Type.Object({ image: Image, platform: Platform }, strict),
        response: { 204: Nothing, ...failures },
      },
    },
    async (request, reply) => {
      const { image, platform = null } = request.body;
      await pulls.ensure({ reference: allowedImage(image, policy), platform });
      return reply.code(204).send(null);
    },
  );

  app.get(
    "/v1/images/ensure/sse",
    {
      config: { kind: "stream" },
      schema: {
        querystring: Type.Object({ image: Image, platform: Platform }, strict),
        response: { 200: EventStream, ...failures },
      },
    },
    async (request, reply) => {
      const { image, platform = null } = request.query;
      const wanted = { reference: allowedImage(image, policy), platform };
      await service.engine.ping(); // An engine that is not there is told as JSON.
      const stream = openEventStream(request, reply, service);
      // Only the newest line waits for a reader that is behind.
      let [newest, sending] = ["", Promise.resolve()];
      const tell = (text: string) => {
        const isIdle = newest === "";
        newest = text;
        if (isIdle) sending = sending.then(sendNewest);
      };
      const sendNewest = async () => {
        const text = newest;
        newest = "";
        if (text !== "") await stream.send({ type: "progress", message: text });
      };
      try {
        await pulls.ensure(wanted, tell);
        await sending;
        await stream.end({ type: "end" });
      } catch (error) {
        await stream.end({ type: "error", message: messageOf(error) });
      }
    },
  );
}
