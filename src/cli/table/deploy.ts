import { type CommandSpec, command } from "../command-spec.ts";
import { argument, duration, flag, text, wholeNumber } from "../option-spec.ts";

const file = { completes: "file" } as const;

const deployment = {
  output: text("--output <directory>", "Where to write", { fallback: "./deploy", ...file }),
  apiPort: wholeNumber("--api-port <port>", "Port of the API on this machine", {
    least: 1,
    most: 65_535,
    fallback: 8000,
  }),
  syncTimeoutMs: duration("--sync-timeout <time>", "How long POST /run waits for the result", "30s", {
    mayBeZero: true,
  }),
  agents: text("--agents <directory>", "Definitions of the agents that the workflow names", file),
  name: text("--name <name>", "Name of the deployment; else made from flow.name"),
  kubernetes: flag("--kubernetes", "Write manifests for Kubernetes too"),
  force: flag("--force", "Overwrite files that were changed by hand"),
  check: flag("--check", "Write nothing; exit 1 when the directory is out of date"),
};

/** `deploy`. */
export const DEPLOY_COMMANDS: readonly CommandSpec[] = [
  command({
    path: "deploy generate",
    summary: "Write the files of a deployment",
    takes: { file: argument("<file>", "The workflow", file), ...deployment },
    load: () => import("../commands/deploy/generate.ts"),
  }),
  command({
    path: "deploy up",
    summary: "Build and run a deployment, and wait until it is healthy",
    takes: {
      file: argument("<file>", "The workflow", file),
      ...deployment,
      envFile: text("--env-file <file>", "KEY=value lines for the workflow's keys", file),
    },
    load: () => import("../commands/deploy/up.ts"),
  }),
  command({
    path: "deploy down",
    summary: "Remove a deployment; its jobs stay",
    takes: {
      name: argument("<name>", "Name of the deployment"),
      volumes: flag("--volumes", "Remove the jobs too"),
    },
    load: () => import("../commands/deploy/down.ts"),
  }),
  command({
    path: "deploy status",
    summary: "Show a deployment",
    takes: { name: argument("<name>", "Name of the deployment") },
    load: () => import("../commands/deploy/status.ts"),
  }),
];
