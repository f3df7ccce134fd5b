import { setImmediate as nextTurn } from "node:timers/promises";
import type { Log } from "../log.ts";
import type { Decision, Delivery, Outcome } from "../protocol/messages.ts";
import { BackendRefusal } from "./backend.ts";
import type { StopReason, TaskChannel, TurnChannel } from "./task-channel.ts";

/** A batch stays well below any limit on the size of a request: a tool's output alone may have 64 KiB. */
const BATCH_ITEMS = 200;

export interface LeaseOptions {
  leaseId: string;
  log: Log;
  /** One call to the server, under the session's current id, repeated until it is answered. */
  send: (path: LeasePath, body: LeaseBody) => Promise<void>;
}

type LeasePath = "deliver" | "complete" | "advance";

/** A request to `deliver`, with an outcome to `complete`, or with a decision to `advance`, but for the session's id. */
interface LeaseBody {
  leaseId: string;
  items?: Delivery[];
  outcome?: Outcome;
  decision?: Decision;
}

/** The right to work on one task, and the items of it that the server does not hold yet. */
export class Lease implements TaskChannel, TurnChannel {
  readonly leaseId: string;
  readonly #log: Log;
  readonly #send: LeaseOptions["send"];
  readonly #stop = new AbortController();
  readonly #undelivered: Delivery[] = [];
  #sending: Promise<void> | null = null;
  #isCompleting = false;

  constructor({ leaseId, log, send }: LeaseOptions) {
    this.leaseId = leaseId;
    this.#log = log;
    this.#send = send;
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** The first reason stands. */
  stop(reason: StopReason): void {
    this.#stop.abort(reason);
  }

  get isForfeit(): boolean {
    const reason: StopReason | undefined = this.#stop.signal.reason;
    return reason === "lost" || reason === "shutdown";
  }

  deliver(...items: Delivery[]): void {
    this.#undelivered.push(...items);
    this.#sending ??= this.#sendAll();
  }

  async delivered(): Promise<void> {
    await this.#sending;
    if (this.isForfeit) throw this.#stop.signal.reason;
  }

  async complete(outcome: Outcome): Promise<void> {
    this.#isCompleting = true;
    await this.#sending;
    if (this.isForfeit) return;
    await this.#attempt("complete", { leaseId: this.leaseId, items: this.#undelivered, outcome });
  }

  async advance(decision: Decision): Promise<void> {
    if (!this.isForfeit) await this.#attempt("advance", { leaseId: this.leaseId, decision });
  }

  /** Its end is noted in the turn of the last look at the items: what is queued right after starts a new one. */
  async #sendAll(): Promise<void> {
    // A turn of the event loop gathers what is queued together; an execution that ends within it is one request.
    await nextTurn();
    while (this.#undelivered.length > 0 && !this.isForfeit && !this.#isCompleting) {
      const items = this.#undelivered.slice(0, BATCH_ITEMS);
      await this.#attempt("deliver", { leaseId: this.leaseId, items });
      this.#undelivered.splice(0, items.length);
    }
    this.#sending = null;
  }

  async #attempt(path: LeasePath, body: LeaseBody): Promise<void> {
    try {
      await this.#send(path, body);
    } catch (error) {
      if (!(error instanceof BackendRefusal)) {
        this.stop("shutdown");
        return;
      }
      const expected = error.code === "lease_lost";
      this.#log[expected ? "warn" : "error"](`lease ${this.leaseId}: ${error.code}: ${error.message}`);
      this.stop("lost");
    }
  }
}
