import type { Server } from "node:http";
import { withDeadline } from "../platform/deadline.ts";
import type { Service } from "./service.ts";

/** How long running requests may take to end. */
const GRACE_MS = 10_000;
/** For killing the commands of those that did not, and telling their callers. */
const HURRY_MS = 1_500;

/** The end of the service: nothing new, what runs ends by itself or is ended. Containers live on. */
export async function drain(server: Server, { concurrency, shutdown, sweeper }: Service): Promise<void> {
  sweeper.stop();
  shutdown.begin();
  server.close();
  server.closeIdleConnections();
  if (!(await isIdleWithin(GRACE_MS))) {
    shutdown.hurry();
    await isIdleWithin(HURRY_MS);
  }
  shutdown.hurry(); // Pulls that nobody waits for.
  server.closeAllConnections();

  async function isIdleWithin(timeoutMs: number): Promise<boolean> {
    try {
      await withDeadline(() => concurrency.untilIdle(), { what: "running calls", timeoutMs });
      return true;
    } catch {
      return false; // They take longer.
    }
  }
}
