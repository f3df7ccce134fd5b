import Type from "typebox";
import type { App } from "../app.ts";
import { failures } from "../schemas/fields.ts";
import type { Service } from "../service.ts";

export function addMetricsRoute(app: App, service: Service): void {
  app.get(
    "/metrics",
    { schema: { response: { 200: Type.String({ description: "The text format of Prometheus" }), ...failures } } },
    async (_request, reply) => reply.type(METRICS_TYPE).send(await renderMetrics(service)),
  );
}

export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export async function renderMetrics({ concurrency, engine, metrics, nonces, own }: Service): Promise<string> {
  const containers = await engine.list({ label: [own.label] }, { all: true }).then(
    ({ length }) => length,
    () => null,
  );
  return metrics.render({
    requests: concurrency.running("request"),
    streams: concurrency.running("stream"),
    nonces: nonces.size,
    nonceCapacity: nonces.capacity,
    containers,
  });
}
