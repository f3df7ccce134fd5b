import { randomUUID } from "node:crypto";
import { createFromSpec, startWithToken } from "../components/container/agent-runner-container.ts";
import { writeContainerIdFile } from "../components/container/container-id-file.ts";
import { type ContainerInstance, containerInstance } from "../components/container/container-instance.ts";
import type { ComponentInstance } from "../components/instance.ts";
import { readPidFile, writePidFile } from "../components/process/pid-file.ts";
import { adoptedInstance, childInstance } from "../components/process/process-instance.ts";
import { RawLogs } from "../components/process/raw-logs.ts";
import { ServiceHealth } from "../components/process/service-health.ts";
import type { DockerEngine } from "../docker/engine.ts";
import { writeFileAtomic } from "../platform/files.ts";
import type { HomePaths } from "../platform/paths.ts";
import { identifySync } from "../platform/process-identity.ts";
import { readOrCreateSecret } from "../platform/secret-file.ts";
import { spawnDetached } from "../platform/spawn.ts";
import { terminate } from "../platform/terminate.ts";
import type { ExistingContainer } from "../stack/plan.ts";
import { type ContainerSpec, type ProcessSpec, specHash } from "../stack/spec.ts";

export interface LauncherOptions {
  paths: HomePaths;
  instance: string;
  version: string;
  token: string;
  /** Beneath every process component's own variables. */
  baseEnvironment: Record<string, string>;
  warn: (message: string) => void;
}

/** Told of the instance before it can die. */
export type Begin = (instance: ComponentInstance) => void;

/** Makes a component run: one method for each start operation of a plan. */
export class Launcher {
  readonly #options: LauncherOptions;
  readonly #rawLogs: RawLogs;

  constructor(options: LauncherOptions) {
    this.#options = options;
    this.#rawLogs = new RawLogs(options.warn);
  }

  /** Starts the process in a group of its own, with its files and secrets; its PID file is there when this resolves, and no process when it rejects. */
  async spawn(spec: ProcessSpec): Promise<ComponentInstance> {
    const { paths, instance, version, baseEnvironment } = this.#options;
    const runnerId = randomUUID();
    for (const { path, text } of spec.files ?? []) await writeFileAtomic(path, text);
    const secrets = await readSecrets(spec);
    if (spec.rawLog !== undefined) this.#rawLogs.markStart(paths.logFile(spec.name), `${spec.name} started`);
    const child = await spawnDetached({
      argv: spec.argv,
      env: { ...baseEnvironment, ...spec.env, ...secrets, STIGMER_RUNNER_ID: runnerId },
      cwd: spec.cwd,
      outputFile: paths.logFile(spec.name),
      ipc: spec.serves !== undefined,
    });
    this.#keepLogSmall(spec);
    const pid = child.pid ?? 0;
    const startedAt = new Date().toISOString();
    const running = childInstance(child, { runnerId, startedAt, pid, service: serviceOf(spec) });
    const identity = identifySync(pid);
    // Gone already: its exit event says why, and a PID file would only be stale.
    if (identity === null) return running;
    try {
      await writePidFile(paths.pidFile(spec.name), {
        ...identity,
        executable: spec.argv[0] ?? "",
        instance,
        version,
        runnerId,
        specHash: specHash(spec),
        startedAt,
      });
    } catch (error) {
      // A full disk. Without a record the next start would begin a second one beside it.
      await terminate(identity, { graceMs: 0, group: true, instance });
      throw error;
    }
    return running;
  }

  /** Takes over a process that an earlier server started; null when it has ended meanwhile. */
  async adoptProcess(spec: ProcessSpec): Promise<ComponentInstance | null> {
    const { paths, instance } = this.#options;
    const state = await readPidFile(paths.pidFile(spec.name), instance);
    if (state.kind !== "alive") return null;
    this.#keepLogSmall(spec);
    return adoptedInstance(state.identity, {
      runnerId: state.record.runnerId ?? null,
      startedAt: state.record.startedAt ?? new Date().toISOString(),
      pid: state.identity.pid,
      service: serviceOf(spec),
    });
  }

  #keepLogSmall({ name, rawLog }: ProcessSpec): void {
    if (rawLog !== undefined) this.#rawLogs.keepSmall(this.#options.paths.logFile(name), rawLog);
  }

  /** Creates the container, records its ID, and starts it; a container that cannot be started is removed again. */
  async create(
    engine: DockerEngine,
    spec: ContainerSpec,
    { imageId, signal }: { imageId: string | null; signal?: AbortSignal | undefined },
    begin: Begin,
  ): Promise<void> {
    const { instance, version, paths } = this.#options;
    const runnerId = randomUUID();
    const id = await createFromSpec(engine, spec, { instance, version, runnerId });
    try {
      signal?.throwIfAborted();
      await writeContainerIdFile(paths.containerIdFile, id);
      await this.start(engine, spec, { id, runnerId, imageId }, begin);
    } catch (error) {
      await engine.removeContainer(id, { force: true, volumes: true });
      throw error;
    }
  }

  /** Starts a container that exists, so that its log goes on. `begin` comes first: its death may be told at any time. */
  async start(
    engine: DockerEngine,
    spec: ContainerSpec,
    container: Omit<ExistingContainer, "imageId"> & { imageId: string | null },
    begin: Begin,
  ): Promise<void> {
    begin(
      containerInstance({
        containerId: container.id,
        runnerId: container.runnerId,
        imageId: container.imageId,
        startedAt: new Date().toISOString(),
      }),
    );
    await startWithToken(engine, container.id, { user: spec.user, token: this.#options.token });
  }

  /** Takes over a running container. */
  async adoptContainer(engine: DockerEngine, container: ExistingContainer): Promise<ContainerInstance | null> {
    const found = await engine.inspectContainer(container.id);
    if (found === null || !found.state.running) return null;
    return containerInstance({
      containerId: container.id,
      runnerId: container.runnerId,
      imageId: container.imageId,
      startedAt: found.state.startedAt,
    });
  }
}

function serviceOf({ serves }: ProcessSpec): ServiceHealth | null {
  return serves === undefined ? null : new ServiceHealth({ address: serves });
}

/** A file that was deleted meanwhile is made again: then its digest differs, and the next start notices. */
async function readSecrets({ secrets = [] }: ProcessSpec): Promise<Record<string, string>> {
  const entries = secrets.map(async ({ variable, file }) => [variable, await readOrCreateSecret(file)] as const);
  return Object.fromEntries(await Promise.all(entries));
}
