import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { LogLevel } from "@stigmer/agent-runner/logging";
import type { Settings } from "../config/settings.ts";
import { AppError } from "../errors.ts";
import { packageRoot } from "../platform/package.ts";
import type { HomePaths } from "../platform/paths.ts";
import { spawnDetached } from "../platform/spawn.ts";
import type { StackStatus } from "../stack/component.ts";
import type { StackEvent } from "../stack/events.ts";
import { LAUNCH_ORDER_VARIABLE, type LaunchCommand, type LaunchOrder, type LaunchReport } from "./launch-order.ts";
import { processLogTail } from "./log-tail.ts";

export interface LaunchOptions {
  paths: HomePaths;
  instance: string;
  settings: Settings;
  env: NodeJS.ProcessEnv;
  timeoutMs: number;
  replaceOutdatedImage: boolean;
  logLevel: LogLevel;
  /** Aborting rolls the start back: the server ends and what it made is gone. */
  signal: AbortSignal;
  /** Aborting leaves off waiting for the roll-back. */
  forceSignal: AbortSignal;
  onEvent: (event: StackEvent) => void;
}

/** A server that has said that it listens, and its first start, which goes on. */
export interface LaunchedServer {
  started: Promise<StackStatus>;
}

/** A server that does not even say whether it listens is broken, not slow. */
const HANDSHAKE_TIMEOUT_MS = 15_000;
const LAST_LINES = 20;

/**
 * Starts a server process and resolves at its `started`. The caller holds the start lock until then, so that nobody
 * else launches one.
 *
 * @throws AppError the server's own; COMPONENT_EXITED with its last lines when it died without a word; START_TIMEOUT.
 */
export async function launchServer(options: LaunchOptions): Promise<LaunchedServer> {
  const child = await spawnDetached({
    argv: [process.execPath, join(packageRoot(), "dist", "server", "main.js")],
    env: serverEnvironment(options),
    cwd: options.paths.home,
    outputFile: options.paths.logFile("stigmer-server"),
    ipc: true,
  });
  // For as long as it starts, this process waits for it.
  child.ref();
  child.channel?.ref();
  const conversation = converse(child, options);
  const timeout = startTimeout(child);
  try {
    await Promise.race([conversation.handshake, timeout.promise]);
  } finally {
    timeout.cancel();
  }
  return { started: conversation.started };
}

function converse(
  child: ChildProcess,
  options: LaunchOptions,
): { handshake: Promise<void>; started: Promise<StackStatus> } {
  const { signal, forceSignal } = options;
  const spawnedMs = performance.now();
  let shakeHands: () => void = () => {};
  const handshake = new Promise<void>((resolve) => {
    shakeHands = resolve;
  });
  const started = new Promise<StackStatus>((resolve, reject) => {
    const cancel = (): void => {
      child.send({ type: "cancel" } satisfies LaunchCommand, () => {}); // A channel that is gone ends in "exit" below.
    };
    const abandon = (): void => settle(() => reject(forceSignal.reason));
    let failure: AppError | null = null;
    child.on("message", (report: LaunchReport) => {
      if (report.type === "started") {
        const durationMs = Math.round(performance.now() - spawnedMs);
        options.onEvent({
          type: "component.ready",
          component: "stigmer-server",
          durationMs,
          detail: `pid ${report.pid}`,
          adopted: false,
        });
        shakeHands();
      }
      if (report.type === "event") options.onEvent(report.event);
      if (report.type === "ready") settle(() => resolve(report.status));
      // Its last word. The start is over when its process is, so that a failed start leaves none behind.
      if (report.type === "failed") failure = AppError.fromBody(report.error);
    });
    child.on("exit", (code, exitSignal) => {
      const said = failure;
      if (said !== null) return settle(() => reject(said));
      void describeDeath(options.paths, code, exitSignal).then((error) => settle(() => reject(error)));
    });
    signal.addEventListener("abort", cancel, { once: true });
    forceSignal.addEventListener("abort", abandon, { once: true });
    if (signal.aborted) cancel();

    function settle(finish: () => void): void {
      signal.removeEventListener("abort", cancel);
      forceSignal.removeEventListener("abort", abandon);
      child.removeAllListeners();
      if (child.connected) child.disconnect();
      child.unref();
      finish();
    }
  });
  return { handshake: Promise.race([handshake, started.then(() => {})]), started };
}

async function describeDeath(paths: HomePaths, code: number | null, signal: string | null): Promise<AppError> {
  const lines = await processLogTail(paths.logFile("stigmer-server"), LAST_LINES);
  const reason = signal === null ? `exit ${code}` : `killed by ${signal}`;
  return new AppError("COMPONENT_EXITED", `stigmer-server ended before it was ready: ${reason}`, {
    detail: lines.length > 0 ? `Its last lines:\n${lines.map((line) => `  ${line}`).join("\n")}` : "It logged nothing.",
    actions: [{ label: "Read its whole log", command: "stigmer server logs -c stigmer-server -n all" }],
  });
}

function startTimeout(child: ChildProcess): { promise: Promise<never>; cancel: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const promise = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(
        new AppError("START_TIMEOUT", `stigmer-server did not listen within ${HANDSHAKE_TIMEOUT_MS / 1000} s`, {
          actions: [{ label: "Read its log", command: "stigmer server logs -c stigmer-server" }],
        }),
      );
    }, HANDSHAKE_TIMEOUT_MS);
  });
  return { promise, cancel: () => clearTimeout(timer) };
}

function serverEnvironment(options: LaunchOptions): Record<string, string> {
  const { env, paths, settings, timeoutMs, replaceOutdatedImage, logLevel, instance } = options;
  const order: LaunchOrder = {
    home: paths.home,
    settings,
    timeoutMs,
    replaceOutdatedImage,
    logLevel,
    launcherPid: process.pid,
    caFile: env["NODE_EXTRA_CA_CERTS"] ?? null,
  };
  const inherited = Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && !isOurOwn(entry[0])),
  );
  return {
    ...inherited,
    [LAUNCH_ORDER_VARIABLE]: JSON.stringify(order),
    STIGMER_INSTANCE: instance,
    STIGMER_COMPONENT: "stigmer-server",
  };
}

/**
 * The server has the user's environment, for the keys that agents ask for by name; settings come by the order.
 * NODE_EXTRA_CA_CERTS costs 50 ms at every start of Node 20 and the server itself speaks no TLS.
 */
function isOurOwn(name: string): boolean {
  return name.startsWith("STIGMER_") || name === "NODE_EXTRA_CA_CERTS" || name === "NODE_OPTIONS";
}
