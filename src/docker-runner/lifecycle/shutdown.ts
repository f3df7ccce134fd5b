import { setMaxListeners } from "node:events";
import { shuttingDown } from "../api-error.ts";

/** The two steps of the service's end, for everything that lasts. */
export class Shutdown {
  readonly #begun = new AbortController();
  readonly #hurried = new AbortController();

  constructor() {
    // Every stream listens, and lets go when it ends.
    setMaxListeners(0, this.#begun.signal, this.#hurried.signal);
  }

  /** Streams end; running requests go on; new ones are refused. */
  get begun(): AbortSignal {
    return this.#begun.signal;
  }

  /** Whatever still runs ends now. */
  get hurried(): AbortSignal {
    return this.#hurried.signal;
  }

  begin(): void {
    this.#begun.abort(shuttingDown());
  }

  hurry(): void {
    this.begin();
    this.#hurried.abort(shuttingDown());
  }
}
