import type { WorkflowDefinition } from "../../definitions/workflow-definition.ts";
import type { Log } from "../../log.ts";
import type { EventBell } from "../jobs/event-bell.ts";
import type { JobQueue } from "../jobs/job-queue.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Store } from "../store/open-store.ts";

/** What the endpoints work with. */
export interface Deployment {
  definition: WorkflowDefinition;
  store: Store;
  queue: JobQueue;
  bell: EventBell;
  metrics: Metrics;
  syncTimeoutMs: number;
  needsToken: boolean;
  /** What is not configured that a job would need; empty: nothing. */
  missing: readonly string[];
  /** Aborted when nothing runs any more: followed streams end, and their readers come back later. */
  closing: AbortSignal;
  log: Log;
}
