import { type CommandSpec, command } from "../command-spec.ts";
import {
  argument,
  choice,
  component,
  components,
  duration,
  flag,
  moment,
  pattern,
  tail,
  text,
} from "../option-spec.ts";

const RUNTIMES = ["docker", "process"] as const;
const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
const file = { completes: "file" } as const;

/** `server`, `doctor` and `image`: what runs, and what it is made of. */
export const STACK_COMMANDS: readonly CommandSpec[] = [
  command({
    path: "server start",
    summary: "Start what is missing and wait until every component is ready",
    takes: {
      build: flag("--build", "Build the agent-runner image first"),
      pull: flag("--pull", "Pull the agent-runner image first"),
      runtime: choice("--runtime <runtime>", "Run the agent-runner in Docker or as a process", RUNTIMES),
      timeoutMs: duration("--timeout <time>", "How long to wait for readiness", "60s"),
      dryRun: flag("--dry-run", "Print what would be done and do nothing"),
    },
    load: () => import("../commands/server/start.ts"),
  }),
  command({
    path: "server stop",
    summary: "Stop every component and wait until each is gone",
    takes: {
      component: component("--component <name>", "Stop only this component"),
      timeoutMs: duration("--timeout <time>", "Grace before the kill", "30s"),
      force: flag("--force", "Kill at once"),
      dryRun: flag("--dry-run", "Print what would be done and do nothing"),
    },
    load: () => import("../commands/server/stop.ts"),
  }),
  command({
    path: "server restart",
    summary: "Stop and start the stack, or one component",
    takes: {
      component: component("--component <name>", "Restart only this component"),
      timeoutMs: duration("--timeout <time>", "How long to wait for readiness", "60s"),
    },
    load: () => import("../commands/server/restart.ts"),
  }),
  command({
    path: "server status",
    summary: "Show the state of every component",
    takes: { watch: flag("--watch", "Show every change until Ctrl-C") },
    load: () => import("../commands/server/status.ts"),
  }),
  command({
    path: "server logs",
    summary: "Show the logs of all components, merged by time",
    takes: {
      components: components("-c, --component <name>", "Only this component (repeatable)"),
      follow: flag("-f, --follow", "Go on as lines are written"),
      tail: tail("-n, --tail <n>", "Lines from the end, or all", 50),
      sinceMs: moment("--since <time>", "Lines since 10m ago, or since an RFC 3339 time"),
      untilMs: moment("--until <time>", "Lines until then"),
      grep: pattern("--grep <regexp>", "Lines that match"),
      level: {
        ...choice("--level <level>", "Lines of this level and above; lines without one stay", LEVELS),
        fallback: null,
      },
      timestamps: flag("--timestamps", "Begin each line with its time"),
    },
    load: () => import("../commands/server/logs.ts"),
  }),
  command({
    path: "doctor",
    summary: "Check everything that a start needs",
    takes: { bundle: text("--bundle <file>", "Also write a report for a bug report, without any secret", file) },
    load: () => import("../commands/doctor/doctor.ts"),
  }),
  command({
    path: "image build",
    summary: "Build the image of the agent-runner",
    takes: {
      noCache: flag("--no-cache", "Build every layer again"),
      base: text("--base <image>", "The image to build on"),
      tag: text("--tag <reference>", "Name of the image; else agent_runner.image"),
    },
    load: () => import("../commands/image/build.ts"),
  }),
  command({
    path: "image pull",
    summary: "Pull the image from a registry",
    takes: { reference: argument("[reference]", "The image; else agent_runner.registry_image at this version") },
    load: () => import("../commands/image/pull.ts"),
  }),
  command({
    path: "image push",
    summary: "Publish the image",
    takes: { reference: argument("<reference>", "Where to: registry/name:tag") },
    load: () => import("../commands/image/push.ts"),
  }),
  command({
    path: "image status",
    summary: "Show the image and whether it is current",
    takes: {},
    load: () => import("../commands/image/status.ts"),
  }),
];
