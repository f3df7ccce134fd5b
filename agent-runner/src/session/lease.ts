import { setImmediate as nextTurn } from "node:timers/promises";
import type { Log } from "../log.ts";
import type { Decision, Delivery, Outcome } from "../protocol/messages.ts";
import { BackendRefusal } from "./backend.ts";
import type { StopReason, TaskChannel, TurnChannel } from "./task-channel.ts";

/** A batch is usually well below the limit on the size of a request; one that is not is sent in parts. */
const BATCH_ITEMS = 200;
/** The HTTP status of a request whose body is over the server's limit. */
const TOO_LARGE = 413;

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
    const { leaseId } = this;
    const items = [...this.#undelivered];
    if (await this.#attempt("complete", { leaseId, items, outcome }, { isDivisible: items.length > 0 })) return;
    while (this.#undelivered.length > 0 && !this.isForfeit) await this.#sendBatch();
    if (!this.isForfeit) await this.#attempt("complete", { leaseId, items: [], outcome });
  }

  async advance(decision: Decision): Promise<void> {
    if (!this.isForfeit) await this.#attempt("advance", { leaseId: this.leaseId, decision });
  }

  /** Its end is noted in the turn of the last look at the items: what is queued right after starts a new one. */
  async #sendAll(): Promise<void> {
    // A turn of the event loop gathers what is queued together; an execution that ends within it is one request.
    await nextTurn();
    while (this.#undelivered.length > 0 && !this.isForfeit && !this.#isCompleting) {
      await this.#sendBatch();
    }
    this.#sending = null;
  }

  /** The items that were queued first; fewer, for a server to which they are too much at once. */
  async #sendBatch(): Promise<void> {
    const { leaseId } = this;
    for (let size = BATCH_ITEMS; !this.isForfeit; size = Math.ceil(size / 2)) {
      const items = this.#undelivered.slice(0, size);
      size = items.length;
      if (!(await this.#attempt("deliver", { leaseId, items }, { isDivisible: size > 1 }))) continue;
      this.#undelivered.splice(0, size);
      return;
    }
  }

  /** @returns false when it was too much for one request and `isDivisible`. What else is refused ends the lease. */
  async #attempt(path: LeasePath, body: LeaseBody, { isDivisible } = { isDivisible: false }): Promise<boolean> {
    try {
      await this.#send(path, body);
    } catch (error) {
      if (!(error instanceof BackendRefusal)) {
        this.stop("shutdown");
        return true;
      }
      if (error.status === TOO_LARGE && isDivisible) return false;
      const expected = error.code === "lease_lost";
      this.#log[expected ? "warn" : "error"](`lease ${this.leaseId}: ${error.code}: ${error.message}`);
      this.stop("lost");
      if (!expected) await this.#fail(path, error);
    }
    return true;
  }

  /** Given up without a word it would be leased again, and come to the same refusal. */
  async #fail(path: LeasePath, refusal: BackendRefusal): Promise<void> {
    const { leaseId } = this;
    const message = `The server refused what the runner had to report: ${refusal.message}`;
    const error = { code: "EXECUTION_FAILED", message };
    const tokens = { input: 0, output: 0 };
    const sent =
      path === "advance"
        ? this.#send("advance", { leaseId, decision: { kind: "fail", error, node: null } })
        : this.#send("complete", { leaseId, items: [], outcome: { phase: "failed", error, tokens } });
    await sent.catch((reason: unknown) => this.#log.error(`lease ${leaseId}: its failure was not heard: ${reason}`));
  }
}
