import { DockerRequestError } from "../../docker/engine.ts";
import { LABEL } from "../../docker/labels.ts";
import type { EngineFilters, InspectedContainer, RunnerEngine } from "../../docker/runner-engine.ts";
import { containerNotFound, policyDenied } from "../api-error.ts";
import type { Policy } from "../policy/policy.ts";

export interface OwnContainersOptions {
  engine: Pick<RunnerEngine, "inspect">;
  policy: Pick<Policy, "unmanaged">;
  runnerId: string;
}

/** Which containers a caller may use: this runner's, by their label, whatever name or ID they are called by. */
export class OwnContainers {
  readonly #options: OwnContainersOptions;

  constructor(options: OwnContainersOptions) {
    this.#options = options;
  }

  /**
   * What goes on from here uses the document's full ID: a name can pass to another container.
   *
   * @throws ApiError container_not_found; policy_denied for somebody else's.
   */
  async find(idOrName: string): Promise<InspectedContainer> {
    const inspected = await this.#options.engine.inspect(idOrName).catch((error: unknown) => {
      throw isMissing(error) ? containerNotFound(idOrName) : error;
    });
    if (!this.#isUsable(inspected.document.Config.Labels ?? {})) {
      throw policyDenied(`the container ${JSON.stringify(idOrName)} was not made through this service`);
    }
    return inspected;
  }

  /** The same, with null for a container that is not there. */
  async findIfThere(idOrName: string): Promise<InspectedContainer | null> {
    try {
      return await this.find(idOrName);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "container_not_found") return null;
      throw error;
    }
  }

  /** Narrows a list or a stream of events to what a caller may see. */
  narrow(filters: EngineFilters): EngineFilters {
    if (this.#options.policy.unmanaged) return filters;
    return { ...filters, label: [...(filters["label"] ?? []), this.label] };
  }

  /** As a filter has it. */
  get label(): string {
    return `${LABEL.runner}=${this.#options.runnerId}`;
  }

  #isUsable(labels: Record<string, string>): boolean {
    return this.#options.policy.unmanaged || labels[LABEL.runner] === this.#options.runnerId;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof DockerRequestError && error.statusCode === 404;
}
