import { LEASE_MS } from "@stigmer/agent-runner/protocol";
import type { Clock } from "../../platform/clock.ts";
import { RunnerRefusal } from "./refusal.ts";
import type { RunnerSession, Sessions } from "./sessions.ts";
import type { Work } from "./work.ts";

export interface LeasesOptions {
  clock: Clock;
  sessions: Pick<Sessions, "find">;
  /** Called with the lease still in place. */
  onExpired: (work: Work) => void;
}

/** Who holds what until when, in memory; the clock is monotonic, so setting the time of day ends no lease. */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #works = new Map<string, Work>();

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  begin(work: Work, session: RunnerSession, id: string): void {
    work.lease = { id, sessionId: session.id, expiry: this.#expireLater(work, id) };
    this.#works.set(id, work);
    session.leases.add(work);
  }

  /** @throws RunnerRefusal lease_lost when it is over or another session's. */
  renew(sessionId: string, id: string): Work {
    const work = this.#works.get(id);
    if (work?.lease?.sessionId !== sessionId) throw new RunnerRefusal("lease_lost");
    work.lease.expiry.cancel();
    work.lease.expiry = this.#expireLater(work, id);
    return work;
  }

  end(work: Work): void {
    if (work.lease === null) return;
    work.lease.expiry.cancel();
    this.#works.delete(work.lease.id);
    this.#options.sessions.find(work.lease.sessionId)?.leases.delete(work);
    work.lease = null;
  }

  #expireLater(work: Work, id: string): { cancel(): void } {
    return this.#options.clock.setTimer(() => {
      if (work.lease?.id === id) this.#options.onExpired(work);
    }, LEASE_MS);
  }
}
