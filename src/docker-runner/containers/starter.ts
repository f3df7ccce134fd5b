import { randomUUID } from "node:crypto";
import { DockerRequestError } from "../../docker/engine.ts";
import { LABEL } from "../../docker/labels.ts";
import type { RunnerEngine } from "../../docker/runner-engine.ts";
import { ApiError } from "../api-error.ts";
import type { ImagePulls } from "../images/image-pulls.ts";
import type { Activity } from "../lifecycle/activity.ts";
import { ENGINE_ANSWER_MS } from "../lifecycle/deadlines.ts";
import { hashOf, IdempotentCalls, idempotencyConflict } from "../lifecycle/idempotency.ts";
import { allowedHostPath } from "../policy/host-paths.ts";
import { allowedImage } from "../policy/image-rule.ts";
import type { Policy } from "../policy/policy.ts";
import type { ContainerOptions, StartedContainer } from "../schemas/containers.ts";
import { createBody } from "./create-body.ts";
import type { OwnContainers } from "./own-containers.ts";

export interface StarterOptions {
  engine: RunnerEngine;
  policy: Policy;
  runnerId: string;
  own: OwnContainers;
  pulls: ImagePulls;
  activity: Activity;
}

/** Containers from request to running: allowed, pulled, created, started; or nothing is left. */
export class Starter {
  readonly #options: StarterOptions;
  readonly #calls = new IdempotentCalls<StartedContainer>();
  #cpus: number | null = null;

  constructor(options: StarterOptions) {
    this.#options = options;
  }

  /** @param key of the caller: the same one starts nothing twice. */
  start(options: ContainerOptions, key: string | null): Promise<StartedContainer> {
    if (key === null) return this.#start(options, { [LABEL.request]: randomUUID() });
    const labels = { [LABEL.request]: hashOf(key), [LABEL.requestBody]: hashOf(options) };
    return this.#calls.run(labels[LABEL.request], labels[LABEL.requestBody], async () => {
      return (await this.#findStarted(labels)) ?? this.#start(options, labels);
    });
  }

  /** Removes a container that nobody can know of. */
  async discard(containerId: string): Promise<void> {
    this.#options.activity.forget(containerId);
    await this.#options.engine.removeContainer(containerId, {
      force: true,
      volumes: true,
      timeoutMs: ENGINE_ANSWER_MS,
    });
  }

  /** Of an earlier life of this service: a repeated key finds its container by label. */
  async #findStarted(labels: Record<string, string>): Promise<StartedContainer | null> {
    const { engine, own } = this.#options;
    const [found] = await engine.list(
      { label: [own.label, `${LABEL.request}=${labels[LABEL.request]}`], status: ["running", "paused", "exited"] },
      { all: true },
    );
    if (found === undefined) return null;
    if (found.Labels?.[LABEL.requestBody] !== labels[LABEL.requestBody]) throw idempotencyConflict();
    if (found.State !== "running") {
      throw new ApiError(409, "container_not_running", "the container of this Idempotency-Key does not run any more");
    }
    return started(found.Id, found.Names?.[0]?.replace(/^\//, ""));
  }

  async #start(options: ContainerOptions, ownLabels: Record<string, string>): Promise<StartedContainer> {
    const { activity, engine, policy, pulls } = this.#options;
    const image = allowedImage(options.image, policy);
    const body = await createBody({ options, image, ownLabels }, await this.#rules());
    await pulls.ensure({ reference: image, platform: options.platform ?? null });
    const container = { name: options.name ?? null, platform: options.platform ?? null, body };
    const id = await engine.create(container).catch((error: unknown) => this.#giveUp(ownLabels, error));
    try {
      await engine.startContainer(id, { timeoutMs: ENGINE_ANSWER_MS });
    } catch (error) {
      await this.#removeFailed(id);
      throw error;
    }
    if (options.ttlSeconds !== undefined) activity.watch(id, options.ttlSeconds * 1000);
    return started(id, options.name);
  }

  /** An engine that did not answer in time may make the container all the same. */
  async #giveUp(ownLabels: Record<string, string>, error: unknown): Promise<never> {
    if (!(error instanceof DockerRequestError)) {
      const label = `${LABEL.request}=${ownLabels[LABEL.request]}`;
      void this.#options.engine
        .list({ label: [this.#options.own.label, label], status: ["created"] }, { all: true })
        .then((left) => Promise.all(left.map(({ Id }) => this.discard(Id))))
        .catch(() => {}); // The sweeper finds what was made and never started.
    }
    throw error;
  }

  async #removeFailed(id: string): Promise<void> {
    // What cannot be removed now, the sweeper finds: it was made and never started.
    await this.discard(id).catch(() => {});
  }

  async #rules() {
    const { engine, own, policy, runnerId } = this.#options;
    this.#cpus ??= await engine.countCpus();
    return {
      policy,
      runnerId,
      cpus: this.#cpus,
      hostPath: (path: string) => allowedHostPath(path, { policy, socketPath: engine.endpoint.socketPath }),
      volumeOptions: (name: string) => engine.volumeOptions(name),
      findNetwork: (nameOrId: string) => engine.findNetwork(nameOrId),
      usableContainerId: async (idOrName: string) => (await own.find(idOrName)).document.Id,
    };
  }
}

function started(containerId: string, name: string | undefined): StartedContainer {
  return { containerId, ...(name === undefined ? {} : { name }), status: "running" };
}
