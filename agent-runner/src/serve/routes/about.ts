import { VERSION } from "../../version.ts";
import type { Route } from "../http/route.ts";
import { renderDocs } from "../openapi/docs-page.ts";
import { openApiDocument } from "../openapi/document.ts";
import { inputsSchema, outputsSchema } from "../openapi/schemas.ts";
import type { Deployment } from "./deployment.ts";
import {
  DOCS_OPERATION,
  METRICS_OPERATION,
  OPENAPI_OPERATION,
  ROOT_OPERATION,
  SCHEMA_OPERATION,
} from "./operations.ts";

/** The endpoints that tell about the others. @param others every other route, so that none is forgotten. */
export function aboutRoutes({ definition, metrics, queue, needsToken }: Deployment, others: readonly Route[]): Route[] {
  const { name, description, version } = definition.flow;
  const get = (path: string, rest: Pick<Route, "operation" | "handle">): Route => ({
    method: "GET",
    path,
    isOpen: false,
    ...rest,
  });
  const schema = { inputs: inputsSchema(definition), outputs: outputsSchema(definition) };
  const routes: Route[] = [
    get("/", {
      operation: ROOT_OPERATION,
      handle: () => ({
        status: 200,
        json: {
          name,
          description,
          version: version ?? "1.0.0",
          stigmer_version: VERSION,
          endpoints: all.map((route) => ({
            method: route.method,
            path: route.path,
            description: route.operation.summary,
          })),
        },
      }),
    }),
    ...others,
    get("/schema", { operation: SCHEMA_OPERATION, handle: () => ({ status: 200, json: schema }) }),
    get("/openapi.json", {
      operation: OPENAPI_OPERATION,
      handle: () => ({ status: 200, json: openApiDocument(definition, all, { needsToken }) }),
    }),
    get("/docs", {
      operation: DOCS_OPERATION,
      handle: ({ headers }) =>
        renderDocs(openApiDocument(definition, all, { needsToken }), { host: headers.host ?? null, needsToken }),
    }),
    get("/metrics", {
      operation: METRICS_OPERATION,
      handle: () => ({ status: 200, text: metrics.render(queue.counts.all()), type: METRICS_TYPE }),
    }),
  ];
  const all = routes;
  return routes;
}

/** Of the text format of Prometheus. */
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
