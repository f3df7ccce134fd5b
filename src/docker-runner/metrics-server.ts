import { createServer, type Server } from "node:http";
import { METRICS_TYPE, renderMetrics } from "./routes/metrics.ts";
import type { Service } from "./service.ts";

/** `GET /metrics` without a signature, for a scraper on this machine: to be bound to loopback only. */
export function createMetricsServer(service: Service): Server {
  return createServer((request, response) => {
    if (request.method !== "GET" || request.url !== "/metrics") {
      response.writeHead(404).end();
      return;
    }
    renderMetrics(service).then(
      (text) => response.writeHead(200, { "Content-Type": METRICS_TYPE }).end(text),
      () => response.writeHead(500).end(),
    );
  });
}
