import type { Server } from "node:http";
import type { WorkflowDefinition } from "../definitions/workflow-definition.ts";
import type { Logger } from "../logging/writer.ts";
import type { AgentTask, KeptWorkflow } from "../protocol/messages.ts";
import { expireJobs } from "./expiry.ts";
import { failureOf } from "./failure-of.ts";
import { createListener } from "./http/listener.ts";
import { createEventBell } from "./jobs/event-bell.ts";
import { observeWith } from "./jobs/job-observer.ts";
import { JobQueue } from "./jobs/job-queue.ts";
import { createMetrics } from "./metrics/metrics.ts";
import { aboutRoutes } from "./routes/about.ts";
import type { Deployment } from "./routes/deployment.ts";
import { eventsRoute } from "./routes/events.ts";
import { healthRoutes, readyRoute } from "./routes/health.ts";
import { cancelRoute, jobsRoute, statusRoute } from "./routes/jobs.ts";
import { runRoute } from "./routes/run.ts";
import { createInterpreter } from "./runtime/runtime-interpreter.ts";
import type { Settings } from "./settings.ts";
import { openStore } from "./store/open-store.ts";
import { openTracing } from "./trace/open-tracing.ts";

/** The whole of a deployment, from its jobs to its listener. */
export interface Service {
  /** Of the workflow. */
  name: string;
  server: Server;
  /** What is not configured that a job would need. */
  missing: readonly string[];
  /** Takes up unfinished jobs. */
  start(): void;
  /** Takes nothing new; resolves when what runs has ended or was put down, and everything is closed. */
  drain(deadline: AbortSignal): Promise<void>;
}

export interface ServiceOptions {
  kept: KeptWorkflow;
  /** The model of nodes and agents that name none. */
  defaults: AgentTask["defaults"];
  settings: Settings;
  log: Logger;
}

/** @throws SettingsError where the jobs cannot be kept. */
export function openService(options: ServiceOptions): Service {
  const { kept, defaults, settings, log } = options;
  const interpreter = createInterpreter(options);
  // Loaded and validated by the runtime's own loader.
  const definition = kept.workflow as unknown as WorkflowDefinition;
  if (settings.apiToken !== null) log.mask([settings.apiToken]);
  const store = openStore(settings.dataDirectory);
  const bell = createEventBell();
  const metrics = createMetrics();
  const { name } = definition.flow;
  const tracing = openTracing({ name, defaults, settings, store, log });
  const observer = observeWith([metrics.observer, ...(tracing === null ? [] : [tracing.observer])], (error) =>
    log.error(`metrics or traces miss something: ${error instanceof Error ? error.stack : error}`),
  );
  const { maxRunning, maxWaiting, syncTimeoutMs, apiToken, jobTtlMs } = settings;
  const queue = new JobQueue({ store, workflow: kept, interpreter, bell, observer, log, maxRunning, maxWaiting });
  const { missing } = interpreter;
  const closing = new AbortController();
  const deployment: Deployment = {
    definition,
    store,
    queue,
    bell,
    metrics,
    syncTimeoutMs,
    needsToken: apiToken !== null,
    missing,
    closing: closing.signal,
    log,
  };
  const routes = aboutRoutes(deployment, [
    runRoute(deployment),
    statusRoute(deployment),
    jobsRoute(deployment),
    cancelRoute(deployment),
    eventsRoute(deployment),
    ...healthRoutes(),
    readyRoute(deployment),
  ]);
  const server = createListener(
    { routes, token: apiToken, log, isClosing: () => queue.isDraining, onAnswer: metrics.answered },
    failureOf,
  );
  let stopExpiry = (): void => {};
  return {
    name,
    server,
    missing,
    start() {
      queue.resume();
      stopExpiry = expireJobs({ store, queue, ttlMs: jobTtlMs, log });
    },
    async drain(deadline) {
      stopExpiry();
      await queue.drain(deadline);
      closing.abort();
      await closeListener(server);
      await Promise.all([store.flush(), tracing?.close()]);
      await store.close();
    },
  };
}

/** Answers under way are sent. */
async function closeListener(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  const patience = setTimeout(() => server.closeAllConnections(), ANSWER_MS);
  await closed;
  clearTimeout(patience);
}

/** How long the last answers may take to be sent, in milliseconds. */
const ANSWER_MS = 2_000;
