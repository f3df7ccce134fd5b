import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ApiError, toApiError, toErrorBody, validationError } from "./api-error.ts";
import { explainViolations, type Violation } from "./violations.ts";

/** Every failure leaves in one form, whoever found it. */
export function addFailures(app: FastifyInstance): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => sendFailure(error, request, reply));
  app.setNotFoundHandler((request, reply) => sendFailure(noSuchRoute(request.method), request, reply));
}

export function sendFailure(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const failure = toFailure(error, request);
  if (request.visit) request.visit.errorCode = failure.code;
  if ([429, 503].includes(failure.statusCode)) reply.header("retry-after", "1");
  return reply.code(failure.statusCode).send({ error: toErrorBody(failure) });
}

/** @returns what the caller is told; a fault of ours goes to the log, and its words stay there. */
export function toFailure(error: unknown, request: FastifyRequest): ApiError {
  const known = toApiError(error) ?? fromFramework(error);
  if (known !== null) return known;
  request.log.error({ err: error, route: request.routeOptions.url }, "a fault of this service");
  return new ApiError(500, "internal_error", "the service failed; its log says why");
}

interface FrameworkError extends Error {
  validation?: Violation[];
  validationContext?: string;
  statusCode?: number;
}

function fromFramework(error: unknown): ApiError | null {
  if (!(error instanceof Error)) return null;
  const { statusCode, validation, validationContext } = error as FrameworkError;
  if (validation !== undefined) {
    const details = explainViolations(validation, validationContext ?? "");
    return validationError(details.map(({ path, message }) => `${path} ${message}`).join("; "), details);
  }
  if (statusCode === undefined || statusCode < 400 || statusCode >= 500) return null;
  return validationError(error.message);
}

function noSuchRoute(method: string): ApiError {
  return new ApiError(404, "not_found", `there is no such route for ${method}`);
}
