import { request } from "node:http";
import { type Clock, systemClock } from "../../platform/clock.ts";
import type { ServedAddress } from "../../stack/spec.ts";

/** Between two questions to a service that answers: one that hangs without dying is noticed by nothing else. */
const ASK_EVERY_MS = 10_000;
const ASK_AGAIN_MS = 250;
/** A child says itself when it listens, so the first question only covers for a word that got lost. */
const CHILD_FIRST_ASK_MS = 2_000;
const ANSWER_TIMEOUT_MS = 5_000;
const MISSED_ANSWERS = 3;

export interface ServiceHealthOptions {
  address: ServedAddress;
  clock?: Clock;
  ask?: (address: ServedAddress) => Promise<boolean>;
}

/** Whether a process that serves HTTP does its work: it says when it begins to listen, and is asked from then on. */
export class ServiceHealth {
  readonly url: string;
  readonly #address: ServedAddress;
  readonly #clock: Clock;
  readonly #ask: (address: ServedAddress) => Promise<boolean>;
  readonly #listeners = new Set<(answers: boolean) => void>();
  #answers = false;
  #missed = 0;
  #timer: { cancel(): void } | null = null;
  #ended = false;

  constructor({ address, clock = systemClock, ask = askService }: ServiceHealthOptions) {
    this.url = `http://${address.host}:${address.port}`;
    this.#address = address;
    this.#clock = clock;
    this.#ask = ask;
  }

  get answers(): boolean {
    return this.#answers;
  }

  /** Called at every change of {@link answers}; returns an unsubscribe. */
  onChange(listener: (answers: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The process says itself that it listens. */
  noteListening(): void {
    this.#note(true);
  }

  /** Begins to ask: at once when an earlier server started the process, else after it had time to say so. */
  begin(process: "adopted" | "child"): void {
    this.#schedule(process === "adopted" ? 0 : CHILD_FIRST_ASK_MS);
  }

  /** The process has ended: nobody is asked any more. */
  end(): void {
    this.#ended = true;
    this.#timer?.cancel();
  }

  #schedule(delayMs: number): void {
    this.#timer?.cancel();
    if (!this.#ended) this.#timer = this.#clock.setTimer(() => void this.#question(), delayMs);
  }

  async #question(): Promise<void> {
    const answered = await this.#ask(this.#address);
    if (this.#ended) return;
    this.#note(answered);
    this.#schedule(answered ? ASK_EVERY_MS : ASK_AGAIN_MS);
  }

  #note(answered: boolean): void {
    this.#missed = answered ? 0 : this.#missed + 1;
    const answers = answered || (this.#answers && this.#missed < MISSED_ANSWERS);
    if (answers === this.#answers) return;
    this.#answers = answers;
    for (const listener of this.#listeners) listener(answers);
  }
}

function askService({ host, port, healthPath }: ServedAddress): Promise<boolean> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const question = request({ host, port, path: healthPath, agent: false, signal }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    question.once("error", () => resolve(false));
    question.end();
  });
}
