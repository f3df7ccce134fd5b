import Type from "typebox";
import type { App } from "../app.ts";
import { failures } from "../schemas/fields.ts";
import type { Service } from "../service.ts";

const PING_MS = 3_000;
/** `ready` may be asked often, and by anybody: the engine is asked once a second. */
const REMEMBERED_MS = 1_000;

/** Whatever OpenAPI 3.1 says. */
const AnyDocument = Type.Unsafe<object>({ type: "object", additionalProperties: true });

const open = { security: [] };

export function addHealthRoutes(app: App, { engine, shutdown }: Service): void {
  let asked: { atMs: number; answer: Promise<void> } | null = null;

  function askEngine(): Promise<void> {
    const nowMs = performance.now();
    if (asked === null || nowMs - asked.atMs > REMEMBERED_MS) {
      asked = { atMs: nowMs, answer: engine.ping({ timeoutMs: PING_MS }) };
      asked.answer.catch(() => {}); // Told to whoever asked.
    }
    return asked.answer;
  }

  app.get(
    "/v1/health",
    { schema: { ...open, response: { 200: Type.Object({ status: Type.Literal("ok") }) } } },
    async () => ({ status: "ok" as const }),
  );

  app.get(
    "/v1/ready",
    { schema: { ...open, response: { 200: Type.Object({ status: Type.Literal("ready") }), ...failures } } },
    async () => {
      shutdown.begun.throwIfAborted();
      await askEngine();
      return { status: "ready" as const };
    },
  );

  app.get("/openapi.json", { schema: { response: { 200: AnyDocument, ...failures } } }, async (_request, reply) =>
    reply.send(app.swagger()),
  );
}
