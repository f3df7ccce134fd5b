import type { Route } from "../http/route.ts";
import type { Deployment } from "./deployment.ts";
import { HEALTH_OPERATION, READY_OPERATION } from "./operations.ts";

/** `GET /health` and `/health/live`: the process answers. */
export function healthRoutes(): Route[] {
  return ["/health", "/health/live"].map((path) => ({
    method: "GET",
    path,
    isOpen: true,
    operation: HEALTH_OPERATION,
    handle: () => ({ status: 200, json: { status: "ok" } }),
  }));
}

/** How long an answer about the store holds, in milliseconds: everybody may ask, and each look is a write to the disk. */
const PROBE_MS = 500;

/** `GET /health/ready`: whether a job could be taken and done now. */
export function readyRoute({ store, queue, missing, log }: Deployment): Route {
  let probedAt = Number.NEGATIVE_INFINITY;
  let probed: Promise<string> = Promise.resolve("ok");
  const probeStore = (): Promise<string> => {
    if (performance.now() - probedAt < PROBE_MS) return probed;
    probedAt = performance.now();
    probed = store.probe().then(
      () => "ok",
      (error: unknown) => {
        log.error(`jobs cannot be kept: ${error instanceof Error ? error.message : error}`);
        return "not writable";
      },
    );
    return probed;
  };
  return {
    method: "GET",
    path: "/health/ready",
    isOpen: true,
    operation: READY_OPERATION,
    handle: async () => {
      const checks = {
        workflow: "ok",
        provider: missing.length === 0 ? "ok" : missing.join("; "),
        store: await probeStore(),
        accepting: queue.isDraining ? "shutting down" : "ok",
      };
      const isReady = Object.values(checks).every((check) => check === "ok");
      return { status: isReady ? 200 : 503, json: { status: isReady ? "ok" : "unavailable", checks } };
    },
  };
}
