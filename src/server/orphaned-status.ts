import { homedir } from "node:os";
import { readContainerIdFile } from "../components/container/container-id-file.ts";
import { type PidFileState, readPidFile } from "../components/process/pid-file.ts";
import { containerName, fixedContainerName } from "../config/desired.ts";
import type { Settings } from "../config/settings.ts";
import { connectDocker } from "../docker/connect.ts";
import type { ContainerInfo, DockerEngine } from "../docker/engine.ts";
import { LABEL } from "../docker/labels.ts";
import { withDeadline } from "../platform/deadline.ts";
import { readInstanceId } from "../platform/instance.ts";
import { packageVersion } from "../platform/package.ts";
import type { HomePaths } from "../platform/paths.ts";
import type {
  ComponentName,
  ComponentState,
  ComponentStatus,
  ContainerStatus,
  ProcessStatus,
  StackState,
  StackStatus,
} from "../stack/component.ts";
import type { ObservedIdFile } from "../stack/observed.ts";

/** `status` must be out a second after its process began; the rest is for starting up and printing. */
const WHOLE_ANSWER_MS = 850;
const LEAST_DOCKER_ANSWER_MS = 250;

/** The status of a stack whose server does not answer: what the files, the kernel and Docker say. */
export async function readOrphanedStatus(
  paths: HomePaths,
  settings: Settings,
  env: NodeJS.ProcessEnv,
): Promise<StackStatus> {
  const instance = await readInstanceId(paths);
  const usesContainer = settings.agentRunner.runtime === "docker";
  const names: ComponentName[] = [
    "stigmer-server",
    "workflow-runner",
    ...(usesContainer ? [] : ["agent-runner" as const]),
  ];
  const look = async (name: ComponentName): Promise<Finding<ProcessStatus>> =>
    processStatus(name, await readPidFile(paths.pidFile(name), instance));
  const [processes, container, dockerRunner] = await Promise.all([
    Promise.all(names.map(look)),
    containerStatus(paths, settings, instance, env),
    look("docker-runner"),
  ]);
  const components: Finding[] = [...processes, ...(container === null ? [] : [container])];
  // One that is not enabled any more and still there is nothing that a stopped stack would have.
  if (settings.dockerRunner.enabled || dockerRunner.trace) components.push(dockerRunner);
  const status = components.map(({ status }) => status);
  return {
    state: overall(components),
    home: paths.home,
    instance: instance ?? "",
    version: packageVersion(),
    components: status,
  };
}

/** `trace`: something that a stopped stack would not have, be it only a stale file. */
interface Finding<Status extends ComponentStatus = ComponentStatus> {
  status: Status;
  trace: boolean;
}

function overall(findings: readonly Finding[]): StackState {
  if (findings.some(({ status }) => status.state === "unknown")) return "unknown";
  return findings.some(({ trace }) => trace) ? "degraded" : "stopped";
}

function processStatus(name: ComponentName, file: PidFileState): Finding<ProcessStatus> {
  const finding = (state: ComponentState, pid: number | null, message: string | null): Finding<ProcessStatus> => ({
    trace: file.kind !== "absent",
    status: { ...blank(name, state, message), runtime: "process", pid, startedAt: startedAt(file) },
  });
  switch (file.kind) {
    case "absent":
      return finding("stopped", null, null);
    case "alive":
      return finding(
        "unhealthy",
        file.identity.pid,
        name === "stigmer-server" ? "it does not answer on its socket" : "it runs without its server",
      );
    case "dead":
      return finding("stopped", null, `its PID file names process ${file.pid}, which is gone`);
    case "stranger":
      return finding("stopped", null, `its PID file names process ${file.pid}, which is not ours: ${file.detail}`);
    case "damaged":
      return finding("stopped", null, `its PID file is damaged: ${file.detail}`);
    default:
      return file satisfies never;
  }
}

function startedAt(file: PidFileState): string | null {
  return file.kind === "alive" ? (file.record.startedAt ?? null) : null;
}

async function containerStatus(
  paths: HomePaths,
  settings: Settings,
  instance: string | null,
  env: NodeJS.ProcessEnv,
): Promise<Finding<ContainerStatus> | null> {
  const idFile = await readContainerIdFile(paths.containerIdFile);
  if (settings.agentRunner.runtime === "process" && idFile.kind === "absent") return null;
  const status: ContainerStatus = {
    ...blank("agent-runner", "stopped", null),
    runtime: "container",
    containerId: idFile.kind === "id" ? idFile.id : null,
    containerName:
      instance === null ? fixedContainerName(settings, paths.home) : containerName(settings, paths.home, instance),
    image: settings.agentRunner.image,
    imageId: null,
  };
  if (instance === null) return { status, trace: false };
  const timeoutMs = Math.round(Math.max(LEAST_DOCKER_ANSWER_MS, WHOLE_ANSWER_MS - performance.now()));
  try {
    const found = await withDeadline((signal) => findContainer(idFile, instance, { env, timeoutMs, signal }), {
      what: "Docker's answer",
      timeoutMs,
    });
    return judge(status, idFile, found);
  } catch (error) {
    // Without a record nothing is known to exist, and Docker's absence is no news.
    if (idFile.kind === "absent") return { status, trace: false };
    const reason = error instanceof Error ? error.message : String(error);
    return { trace: true, status: { ...status, state: "unknown", message: `Docker cannot be asked: ${reason}` } };
  }
}

function judge(status: ContainerStatus, idFile: ObservedIdFile, found: ContainerInfo | null): Finding<ContainerStatus> {
  if (found === null) {
    const message =
      idFile.kind === "absent"
        ? null
        : idFile.kind === "damaged"
          ? `its container-ID file is damaged: ${idFile.detail}`
          : "its container-ID file names a container that is gone";
    return { trace: idFile.kind !== "absent", status: { ...status, message } };
  }
  const facts = { containerId: found.id, containerName: found.name, image: found.image, imageId: found.imageId };
  if (!found.state.running) {
    return {
      trace: true,
      status: { ...status, ...facts, message: `its container ended with exit code ${found.state.exitCode}` },
    };
  }
  const message = "it runs without its server";
  return {
    trace: true,
    status: { ...status, ...facts, state: "unhealthy", startedAt: found.state.startedAt, message },
  };
}

async function findContainer(
  idFile: ObservedIdFile,
  instance: string,
  { env, timeoutMs, signal }: { env: NodeJS.ProcessEnv; timeoutMs: number; signal: AbortSignal },
): Promise<ContainerInfo | null> {
  const engine = await connectDocker({ env, homeDir: homedir(), timeoutMs, signal });
  const recorded = idFile.kind === "id" ? await inspectOwn(engine, idFile.id, instance, signal) : null;
  if (recorded !== null) return recorded;
  const labels = [`${LABEL.instance}=${instance}`, `${LABEL.component}=agent-runner`];
  const [other] = await engine.listContainers(labels, { signal });
  return other === undefined ? null : inspectOwn(engine, other.id, instance, signal);
}

/** A recorded ID may be anybody's: only our labels make it ours. */
async function inspectOwn(
  engine: DockerEngine,
  id: string,
  instance: string,
  signal: AbortSignal,
): Promise<ContainerInfo | null> {
  const found = await engine.inspectContainer(id, { signal });
  return found?.labels[LABEL.instance] === instance ? found : null;
}

function blank(
  name: ComponentName,
  state: ComponentState,
  message: string | null,
): Omit<ProcessStatus, "runtime" | "pid"> {
  return { name, state, startedAt: null, restarts: 0, nextRetryAt: null, lastExit: null, message };
}
