import type { ExitReport } from "./exit-reason.ts";
import type { ServiceHealth } from "./process/service-health.ts";

/** One start of one component: alive until `exited` resolves, whoever started it. */
export interface ComponentInstance {
  readonly runnerId: string | null;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly pid: number | null;
  readonly containerId: string | null;
  /** Of a container. */
  readonly imageId: string | null;
  /** Of a process that serves HTTP; null for a runner, which shows that it works by polling. */
  readonly service: ServiceHealth | null;
  /** Resolves once, when it has ended; never rejects. */
  readonly exited: Promise<ExitReport>;
  /** Looks now whether it still lives: something hinted that it may not. */
  probe(): void;
}
