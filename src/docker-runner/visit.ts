import type { ApiError } from "./api-error.ts";
import type { CallKind } from "./lifecycle/concurrency.ts";

/** What is noted of one request while it runs, for its line in the audit. */
export interface Visit {
  startedAtMs: number;
  /** Of a container that the request made; else it is named in the query or the body. */
  containerId: string | null;
  /** Of the error that it was answered with. */
  errorCode: string | null;
  /** A WebSocket is told after its upgrade why it is not served. */
  refusal: ApiError | null;
  isUpgraded: boolean;
  /** The body as it was received and signed. */
  body: Buffer;
}

declare module "fastify" {
  interface FastifyRequest {
    visit: Visit;
  }
  interface FastifyContextConfig {
    /** What the route takes of the policy's concurrency; by default a request. */
    kind?: CallKind;
  }
}
