import { join } from "node:path";
import { QUEUES } from "@stigmer/agent-runner/protocol";
import { TOKEN_PATH_IN_CONTAINER, WORKSPACE_IN_CONTAINER } from "../components/container/agent-runner-container.ts";
import type { DockerFlavour } from "../docker/engine.ts";
import { type HomePaths, isDefaultHome } from "../platform/paths.ts";
import type { ComponentSpec, ContainerSpec, ProcessSpec } from "../stack/spec.ts";
import { type DockerRunnerFacts, dockerRunnerProcess } from "./docker-runner.ts";
import type { Settings } from "./settings.ts";

/** Facts that settings alone do not know. */
export interface DesiredInput {
  settings: Settings;
  paths: HomePaths;
  instance: string;
  /** Where the server's API listens for runners. */
  port: number;
  /** Null while Docker has not been asked, or is not needed. */
  flavour: DockerFlavour | null;
  /** Of the home's owner. */
  uid: number;
  gid: number;
  nodePath: string;
  runnerEntry: string;
  /** Null when it is not enabled. */
  dockerRunner: DockerRunnerFacts | null;
  logLevel: string;
}

/** What the host is called inside a container that does not share its loopback. */
const HOST_FROM_INSIDE = "host.docker.internal";

/** What should run for these settings. Pure. */
export function desiredComponents(input: DesiredInput): ComponentSpec[] {
  const agentRunner =
    input.settings.agentRunner.runtime === "docker"
      ? agentRunnerContainer(input)
      : runnerProcess(input, "agent-runner", QUEUES.agent, workspaceOf(input));
  const workflowRunner = runnerProcess(input, "workflow-runner", QUEUES.workflow, workspaceOf(input));
  const { dockerRunner } = input;
  if (dockerRunner === null) return [workflowRunner, agentRunner];
  return [
    workflowRunner,
    agentRunner,
    dockerRunnerProcess({ ...input, facts: dockerRunner, workspace: workspaceOf(input) }),
  ];
}

/** The agent-runner's container name (product.md §3). */
export function containerName(settings: Settings, home: string, instance: string): string {
  return fixedContainerName(settings, home) ?? `stigmer-agent-runner-${instance.slice(0, 8)}`;
}

/** The name that does not wait for the home's instance id, which comes with its first start; null: there is none. */
export function fixedContainerName(settings: Settings, home: string): string | null {
  if (settings.agentRunner.containerName !== null) return settings.agentRunner.containerName;
  return isDefaultHome(home) ? "stigmer-agent-runner" : null;
}

/** root's containers run as a user of their own; everybody else's as themselves. */
export function containerUser(uid: number, gid: number): string {
  return uid === 0 ? "10001:10001" : `${uid}:${gid}`;
}

/** Whether the container's loopback is the host's: a host network on an engine that shares this kernel. */
function sharesHostLoopback(network: string, flavour: DockerFlavour | null): boolean {
  if (network !== "host") return false;
  return flavour === null || flavour === "systemd" || flavour === "dockerd" || flavour === "unknown";
}

function runnerProcess(
  input: DesiredInput,
  name: "workflow-runner" | "agent-runner",
  queue: string,
  workspaceRoot: string,
): ProcessSpec {
  const { settings, paths } = input;
  return {
    name,
    runtime: "process",
    dependsOn: [],
    argv: [input.nodePath, input.runnerEntry],
    cwd: paths.home,
    env: {
      MODE: "local",
      STIGMER_BACKEND_URL: `http://${loopback(settings.server.host)}:${input.port}`,
      STIGMER_BACKEND_TOKEN_FILE: paths.tokenFile,
      TASK_QUEUE: queue,
      WORKSPACE_ROOT: workspaceRoot,
      LOG_LEVEL: input.logLevel,
      CONCURRENCY: String(settings.agentRunner.concurrency),
      STIGMER_COMPONENT: name,
      STIGMER_INSTANCE: input.instance,
      STIGMER_PID_FILE: paths.pidFile(name),
      STIGMER_LOG_FILE: paths.logFile(name),
      STIGMER_LOG_MAX_SIZE: String(settings.logs.maxSizeBytes),
      STIGMER_LOG_MAX_FILES: String(settings.logs.maxFiles),
    },
  };
}

function agentRunnerContainer(input: DesiredInput): ContainerSpec {
  const { settings, paths } = input;
  const network = settings.agentRunner.network;
  const sharesLoopback = sharesHostLoopback(network, input.flavour);
  return {
    name: "agent-runner",
    runtime: "container",
    dependsOn: [],
    containerName: containerName(settings, paths.home, input.instance),
    image: settings.agentRunner.image,
    user: containerUser(input.uid, input.gid),
    networkMode: network,
    // Engines on this kernel do not know the name by themselves; the others answer it through their own DNS.
    extraHosts: network === "host" || network === "none" ? [] : [`${HOST_FROM_INSIDE}:host-gateway`],
    workspace: workspaceOf(input),
    memoryBytes: settings.agentRunner.memoryBytes,
    logMaxSizeBytes: settings.logs.maxSizeBytes,
    logMaxFiles: settings.logs.maxFiles,
    env: {
      MODE: "local",
      STIGMER_BACKEND_URL: `http://${sharesLoopback ? loopback(settings.server.host) : HOST_FROM_INSIDE}:${input.port}`,
      ...(sharesLoopback ? {} : { STIGMER_LOOPBACK_HOST: HOST_FROM_INSIDE }),
      STIGMER_BACKEND_TOKEN_FILE: TOKEN_PATH_IN_CONTAINER,
      TASK_QUEUE: QUEUES.agent,
      WORKSPACE_ROOT: WORKSPACE_IN_CONTAINER,
      LOG_LEVEL: input.logLevel,
      CONCURRENCY: String(settings.agentRunner.concurrency),
    },
  };
}

/** A server that listens everywhere is reached on loopback all the same. */
function loopback(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}

function workspaceOf(input: DesiredInput): string {
  return input.settings.agentRunner.workspace ?? input.paths.workspaceDir;
}

/** The runner's bundle inside this package. */
export function runnerEntryIn(packageRoot: string): string {
  return join(packageRoot, "agent-runner", "dist", "main.js");
}
