import type { DockerEngine } from "../docker/engine.ts";
import { LABEL } from "../docker/labels.ts";
import type { Log } from "./deps.ts";
import type { DockerLink } from "./docker-link.ts";

/**
 * How many containers docker-runner holds, known without asking: Docker tells of every one that comes or goes. Null while
 * Docker cannot be asked.
 */
export class HeldContainers {
  readonly #label: string;
  readonly #log: Log;
  readonly #onChange: () => void;
  #count: number | null = null;
  #engine: DockerEngine | null = null;
  #counting = false;
  #stale = false;

  constructor(options: { runnerId: string; log: Log; onChange: () => void }) {
    this.#label = `${LABEL.runner}=${options.runnerId}`;
    this.#log = options.log;
    this.#onChange = options.onChange;
  }

  get count(): number | null {
    return this.#count;
  }

  follow(link: Pick<DockerLink, "follow">): void {
    link.follow({
      onConnected: (engine) => {
        this.#engine = engine;
        void this.#recount();
      },
      onLost: () => {
        this.#engine = null;
        this.#set(null);
      },
      onEvent: ({ action }) => {
        if (action === "create" || action === "destroy") void this.#recount();
      },
    });
  }

  /** Events that come while it counts make it count once more, however many they are. */
  async #recount(): Promise<void> {
    this.#stale = true;
    if (this.#counting) return;
    this.#counting = true;
    while (this.#stale && this.#engine !== null) {
      this.#stale = false;
      await this.#countOnce(this.#engine);
    }
    this.#counting = false;
  }

  async #countOnce(engine: DockerEngine): Promise<void> {
    try {
      const { length } = await engine.listContainers([`${LABEL.managed}=true`, this.#label]);
      if (this.#engine === engine) this.#set(length);
    } catch (error) {
      // Docker went, and the link says so, or it is too busy: the next event counts again.
      this.#log.debug(`docker-runner's containers could not be counted: ${String(error)}`);
    }
  }

  #set(count: number | null): void {
    if (count === this.#count) return;
    this.#count = count;
    this.#onChange();
  }
}
