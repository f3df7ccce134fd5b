import type { IncomingMessage, ServerResponse } from "node:http";
import swagger from "@fastify/swagger";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import websocket from "@fastify/websocket";
import { isNestedTooDeep } from "@stigmer/agent-runner/json-depth";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyServerOptions,
  LogController,
  type RawServerDefault,
} from "fastify";
import { addAdmission, admitUnreadable } from "./admission.ts";
import { validationError } from "./api-error.ts";
import { answerNoHttp } from "./client-errors.ts";
import { addFailures, sendFailure } from "./failures.ts";
import { openApiOptions } from "./openapi.ts";
import { addArchiveRoute } from "./routes/archive.ts";
import { addContainerRoutes } from "./routes/containers.ts";
import { addEventsRoute } from "./routes/events.ts";
import { addExecRoutes } from "./routes/exec.ts";
import { addHealthRoutes } from "./routes/health.ts";
import { addImageRoutes } from "./routes/images.ts";
import { addInteractiveRoute } from "./routes/interactive.ts";
import { addLogsRoute } from "./routes/logs.ts";
import { addMetricsRoute } from "./routes/metrics.ts";
import { addReadingRoutes } from "./routes/reading.ts";
import { addStartRoute } from "./routes/start.ts";
import { addVolumeRoutes } from "./routes/volumes.ts";
import type { Service } from "./service.ts";
import type { LogLevel } from "./settings.ts";

export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

declare module "fastify" {
  interface FastifyInstance {
    /** Writes a line that no log level hides. */
    audit(line: Record<string, unknown>): void;
  }
}

const ROUTES = [
  addHealthRoutes,
  addStartRoute,
  addContainerRoutes,
  addReadingRoutes,
  addArchiveRoute,
  addVolumeRoutes,
  addImageRoutes,
  addLogsRoute,
  addEventsRoute,
  addExecRoutes,
  addInteractiveRoute,
  addMetricsRoute,
];

/** A frame of input, and the largest message that a caller may send at once. */
const MAX_FRAME_BYTES = 16 * 1024 * 1024;
/** The query of a WebSocket may carry a command and its environment. */
const MAX_HEADER_BYTES = 64 * 1024;
/** Upper bound of a body that the framework would allow; the gate knows the real one. */
const ANY_LENGTH = Number.MAX_SAFE_INTEGER;

/** The whole service apart from listening. */
export async function buildApp(service: Service, logger: FastifyServerOptions["logger"]): Promise<App> {
  const app: App = Fastify({
    logger: logger ?? false,
    logController: new LogController({ disableRequestLogging: true }),
    exposeHeadRoutes: false,
    bodyLimit: ANY_LENGTH,
    requestTimeout: 0,
    keepAliveTimeout: 72_000,
    routerOptions: { ignoreTrailingSlash: false, caseSensitive: true },
    // Nothing is read as what it is not: "1" is no true and "30" no number.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false } },
    http: { maxHeaderSize: MAX_HEADER_BYTES },
    clientErrorHandler: answerNoHttp,
    frameworkErrors: (error, request, reply) => {
      admitUnreadable(app, request, reply, service).then(
        () => sendFailure(validationError(error.message), request, reply),
        (refusal) => sendFailure(refusal, request, reply),
      );
    },
  }).withTypeProvider<TypeBoxTypeProvider>();
  const audit = app.log.child({ audit: true }, { level: "info" });
  app.decorate("audit", (line: Record<string, unknown>) => audit.info(line));

  await app.register(websocket, { options: { maxPayload: MAX_FRAME_BYTES, perMessageDeflate: false } });
  await app.register(swagger, openApiOptions());
  addAdmission(app, service);
  addBodies(app);
  addFailures(app);
  for (const add of ROUTES) add(app, service);
  return app;
}

/** Bodies were read before: they are verified as bytes, and only then looked into. */
function addBodies(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/x-tar", async (request: { visit: { body: Buffer } }) => request.visit.body);
  app.addContentTypeParser("*", async (request: { visit: { body: Buffer } }) => parseJson(request.visit.body));
}

function parseJson(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  const value = readJson(body.toString());
  if (isNestedTooDeep(value)) throw validationError("the body is nested too deep");
  return value;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw validationError("the body is no JSON");
  }
}

/** Lines of JSON with the level's name and the time in words. */
export function loggerOptions(level: LogLevel): FastifyServerOptions["logger"] {
  return {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
}
