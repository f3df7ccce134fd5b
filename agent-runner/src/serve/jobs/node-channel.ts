import type { Delivery, Outcome } from "../../protocol/messages.ts";
import type { StopReason, TaskChannel } from "../../session/task-channel.ts";

export interface NodeChannelOptions {
  signal: AbortSignal;
  /** Writes items, all or nothing. */
  record: (items: Delivery[]) => void;
  /** Resolves when what was recorded survives a loss of power. */
  flush: () => Promise<void>;
  /** Something could not be written: the run has to be put down. */
  onFault: (error: unknown) => void;
}

/** What a node run sees of the job that it belongs to. What it delivers in one turn of the event loop is one write. */
export class NodeChannel implements TaskChannel {
  readonly signal: AbortSignal;
  /** Set once the run told how it ended. */
  outcome: Outcome | null = null;
  readonly #options: NodeChannelOptions;
  #pending: Delivery[] = [];
  #isScheduled = false;

  constructor(options: NodeChannelOptions) {
    this.signal = options.signal;
    this.#options = options;
  }

  deliver(...items: Delivery[]): void {
    this.#pending.push(...items);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.write();
    });
  }

  async delivered(): Promise<void> {
    this.write();
    if (!this.#isForfeit) await this.#options.flush().catch(this.#options.onFault);
    if (this.#isForfeit) throw this.signal.reason;
  }

  /** What was delivered is written together with what the job makes of the outcome. */
  async complete(outcome: Outcome): Promise<void> {
    this.outcome = outcome;
  }

  /** Writes what was delivered so far. */
  write(): void {
    const items = this.#pending;
    if (items.length === 0 || this.#isForfeit) return;
    this.#pending = [];
    try {
      this.#options.record(items);
    } catch (error) {
      this.#options.onFault(error);
    }
  }

  get #isForfeit(): boolean {
    const reason: StopReason | undefined = this.signal.reason;
    return reason === "shutdown" || reason === "lost";
  }
}
