import { join } from "node:path";
import type { HomePaths } from "../platform/paths.ts";
import type { ProcessSpec } from "../stack/spec.ts";
import type { Settings } from "./settings.ts";

/** What is known of this home's docker-runner before it is started. */
export interface DockerRunnerFacts {
  /** Never 0: one that was picked is recorded. */
  port: number;
  secretDigest: string;
  /** Which engine it is to find, as variables. */
  dockerVariables: Record<string, string>;
  /** Of the engine, or of this machine while no engine answers. */
  cpus: number;
  entry: string;
}

export interface DockerRunnerInput {
  settings: Settings;
  paths: HomePaths;
  instance: string;
  nodePath: string;
  logLevel: string;
  workspace: string;
  facts: DockerRunnerFacts;
}

/** The agents' way to containers is for this machine alone, whatever the API's own address is. */
const HOST = "127.0.0.1";
const MOST_CPUS = 4;

/** The docker-runner service as a component of the stack (docker-runner.md). Pure. */
export function dockerRunnerProcess(input: DockerRunnerInput): ProcessSpec {
  const { settings, paths, facts } = input;
  return {
    name: "docker-runner",
    runtime: "process",
    dependsOn: [],
    argv: [input.nodePath, facts.entry],
    cwd: paths.home,
    rawLog: { maxSizeBytes: settings.logs.maxSizeBytes, maxFiles: settings.logs.maxFiles },
    serves: { host: HOST, port: facts.port, healthPath: "/v1/health" },
    files: [{ path: paths.dockerRunnerPolicyFile, text: `${JSON.stringify(stackPolicy(input), null, 2)}\n` }],
    secrets: [
      { variable: "DOCKER_RUNNER_SHARED_SECRET", file: paths.dockerRunnerSecretFile, digest: facts.secretDigest },
    ],
    env: {
      ...facts.dockerVariables,
      DOCKER_RUNNER_HOST: HOST,
      DOCKER_RUNNER_PORT: String(facts.port),
      DOCKER_RUNNER_POLICY: paths.dockerRunnerPolicyFile,
      DOCKER_RUNNER_ID: runnerIdOf(input.instance),
      DOCKER_RUNNER_LOG_LEVEL: input.logLevel,
      STIGMER_COMPONENT: "docker-runner",
      STIGMER_INSTANCE: input.instance,
    },
  };
}

/** What the label `ai.stigmer.runner` says of containers made through this home's service, for as long as the home is. */
export function runnerIdOf(instance: string): string {
  return instance;
}

/** The service's bundle inside this package. */
export function dockerRunnerEntryIn(packageRoot: string): string {
  return join(packageRoot, "dist", "docker-runner", "main.js");
}

/** The strict policy, with what agents of this stack need: its images, its workspace, room for a build. */
function stackPolicy({ settings, workspace, facts }: DockerRunnerInput): Record<string, unknown> {
  const { sandboxImage, sandboxImages } = settings.execution;
  const images = [settings.agentRunner.image, ...(sandboxImage === null ? [] : [sandboxImage]), ...sandboxImages];
  return {
    images: [...new Set(images)],
    bindRoots: [workspace],
    // Docker refuses a container that may use more CPUs than its engine has.
    limits: { memory: "2g", cpus: Math.min(MOST_CPUS, facts.cpus), pids: 512 },
  };
}
