import { describe, expect, test } from "vitest";
import { type DesiredInput, desiredComponents } from "../../../src/config/desired.ts";
import type { DockerRunnerFacts } from "../../../src/config/docker-runner.ts";
import { resolveSettings } from "../../../src/config/resolve.ts";
import { toSettings } from "../../../src/config/schema.ts";
import { homePaths } from "../../../src/platform/paths.ts";
import { type ProcessSpec, specHash } from "../../../src/stack/spec.ts";

const INSTANCE = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

const FACTS: DockerRunnerFacts = {
  port: 7071,
  secretDigest: "digest-of-the-secret",
  dockerVariables: { DOCKER_HOST: "unix:///run/other.sock" },
  cpus: 8,
  entry: "/package/dist/docker-runner/main.js",
};

function desired(settings: Record<string, unknown> = {}, facts: DockerRunnerFacts | null = FACTS) {
  const candidates = Object.entries(settings).map(([key, raw]) => ({ key, raw, name: key }));
  const resolved = resolveSettings(candidates as Parameters<typeof resolveSettings>[0], {
    baseDirectory: "/home/someone",
  });
  expect(resolved.mistakes).toEqual([]);
  const input: DesiredInput = {
    settings: toSettings(resolved.values),
    paths: homePaths("/home/someone/.stigmer"),
    instance: INSTANCE,
    port: 7234,
    flavour: null,
    uid: 1000,
    gid: 1000,
    nodePath: "/usr/bin/node",
    runnerEntry: "/package/agent-runner/dist/main.js",
    dockerRunner: facts,
    logLevel: "info",
  };
  return desiredComponents(input);
}

function dockerRunner(settings: Record<string, unknown> = {}, facts: Partial<DockerRunnerFacts> = {}): ProcessSpec {
  const found = desired(settings, { ...FACTS, ...facts }).find(({ name }) => name === "docker-runner");
  if (found?.runtime !== "process") throw new Error("docker-runner is not desired as a process");
  return found;
}

function policy(settings: Record<string, unknown> = {}, facts: Partial<DockerRunnerFacts> = {}): unknown {
  return JSON.parse(dockerRunner(settings, facts).files?.[0]?.text ?? "null");
}

describe("docker-runner in the stack", () => {
  test("is there only when it is enabled", () => {
    expect(desired({}, null).map(({ name }) => name)).toEqual(["workflow-runner", "agent-runner"]);
    expect(desired().map(({ name }) => name)).toEqual(["workflow-runner", "agent-runner", "docker-runner"]);
  });

  test("listens on loopback, finds the engine that the server finds, and is known by the home's id", () => {
    const { env, serves } = dockerRunner({ "server.host": "0.0.0.0" });
    expect(serves).toEqual({ host: "127.0.0.1", port: 7071, healthPath: "/v1/health" });
    expect(env).toMatchObject({
      DOCKER_RUNNER_HOST: "127.0.0.1",
      DOCKER_RUNNER_PORT: "7071",
      DOCKER_RUNNER_ID: INSTANCE,
      DOCKER_RUNNER_LOG_LEVEL: "info",
      DOCKER_HOST: "unix:///run/other.sock",
      STIGMER_COMPONENT: "docker-runner",
      STIGMER_INSTANCE: INSTANCE,
    });
  });

  test("gets its secret from a file as it starts: neither its arguments nor its variables hold it", () => {
    const { argv, env, secrets } = dockerRunner();
    expect(secrets).toEqual([
      {
        variable: "DOCKER_RUNNER_SHARED_SECRET",
        file: "/home/someone/.stigmer/run/docker-runner.secret",
        digest: "digest-of-the-secret",
      },
    ]);
    expect(argv).toEqual(["/usr/bin/node", "/package/dist/docker-runner/main.js"]);
    expect(env).not.toHaveProperty("DOCKER_RUNNER_SHARED_SECRET");
  });

  test.each([
    ["another secret", {}, { secretDigest: "another" }],
    ["another port", {}, { port: 7072 }],
    ["another engine", {}, { dockerVariables: {} }],
    ["another policy", { "execution.sandbox_images": ["python:*"] }, {}],
  ])("%s makes another process of it", (_what, settings, facts) => {
    expect(specHash(dockerRunner(settings, facts))).not.toBe(specHash(dockerRunner()));
  });
});

describe("the stack's own policy", () => {
  test("allows the agent-runner's image, the workspace, 2 GB and 4 CPUs, and nothing else", () => {
    expect(policy()).toEqual({
      images: ["stigmer-agent-runner:local"],
      bindRoots: ["/home/someone/.stigmer/data/workspace"],
      limits: { memory: "2g", cpus: 4, pids: 512 },
    });
  });

  test("allows the images and the workspace that the configuration names", () => {
    const settings = {
      "agent_runner.workspace": "/srv/code",
      "execution.sandbox_image": "python:3.13",
      "execution.sandbox_images": ["node:*", "python:3.13"],
    };
    expect(policy(settings)).toMatchObject({
      images: ["stigmer-agent-runner:local", "python:3.13", "node:*"],
      bindRoots: ["/srv/code"],
    });
  });

  test("asks for no more CPUs than the engine has", () => {
    expect(policy({}, { cpus: 2 })).toMatchObject({ limits: { cpus: 2 } });
  });

  test("lies in a file that the service is told of", () => {
    const { env, files } = dockerRunner();
    expect(files?.map(({ path }) => path)).toEqual([env["DOCKER_RUNNER_POLICY"]]);
  });
});
