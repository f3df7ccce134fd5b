import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pingDocker } from "./docker-ping.ts";
import { isAlive, killProcessesOf, unmountBelow } from "./dockerd-remains.ts";

const PREFIX = "stigmer-dockerd-";
const READY_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 20_000;

/** A Docker daemon for one test, with everything of its own; containers get the network modes `host` and `none`. */
export interface PrivateDockerd {
  /** Its directory, which goes with it. */
  readonly directory: string;
  /** Path of the socket; the same after a restart. */
  readonly socket: string;
  /** `unix://` and the socket, as DOCKER_HOST has it. */
  readonly host: string;
  /** Of the daemon that runs now; 0 when none does. */
  readonly pid: number;
  /** SIGKILL to the daemon, as a crash: the kernel ends its containerd with it, the containers live on. */
  kill(): Promise<void>;
  /** Ends the daemon in its own way, when it runs, and starts it on what it left. */
  restart(): Promise<void>;
  /** Ends the daemon and everything of it, and removes its directory. Safe to call twice. */
  stop(): Promise<void>;
}

/** Whether this user and this machine can run one. */
export function canRunPrivateDockerd(): boolean {
  return process.getuid?.() === 0 && ["/usr/sbin/dockerd", "/usr/bin/dockerd"].some((path) => existsSync(path));
}

/**
 * Starts a daemon and waits until it answers; first ends what killed test runs left behind.
 *
 * @param parent holds its directory; short, because unix socket paths are
 */
export async function startPrivateDockerd(parent: string = tmpdir()): Promise<PrivateDockerd> {
  await removeLeftovers(parent);
  const directory = mkdtempSync(join(parent, PREFIX));
  writeFileSync(join(directory, "owner"), `${process.pid} ${startTimeOf(process.pid)}`);
  writeFileSync(join(directory, "daemon.json"), "{}"); // not the machine's own configuration
  const socket = join(directory, "docker.sock");

  let daemon = await launch(directory).catch(async (error: unknown) => {
    await destroy(directory);
    throw error;
  });
  return {
    directory,
    socket,
    host: `unix://${socket}`,
    get pid() {
      return isRunning(daemon) ? (daemon.pid ?? 0) : 0;
    },
    kill: () => endDaemon(daemon, "SIGKILL"),
    async restart() {
      await endDaemon(daemon, "SIGTERM");
      daemon = await launch(directory);
    },
    async stop() {
      await endDaemon(daemon, "SIGTERM");
      await destroy(directory);
    },
  };
}

async function launch(directory: string): Promise<ChildProcess> {
  // A killed dockerd takes its containerd along; dockerd 20.10 would wait for it while it is an uncollected zombie.
  const containerdPid = join(directory, "exec/containerd/containerd.pid");
  if (existsSync(containerdPid) && !isAlive(Number(readFileSync(containerdPid, "utf8")))) rmSync(containerdPid);
  const socket = join(directory, "docker.sock");
  const logFile = join(directory, "dockerd.log");
  const log = openSync(logFile, "a");
  const daemon = spawn("dockerd", daemonFlags(directory, socket), {
    detached: true, // Ctrl-C ends the test run, whose teardown ends the daemon
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  const failed = once(daemon, "error").then(([error]) => Promise.reject(error));
  failed.catch(() => undefined); // Only a race below listens, and it may be over.

  const deadlineMs = performance.now() + READY_DEADLINE_MS;
  while (!(await Promise.race([pingDocker(socket), failed]))) {
    if (!isRunning(daemon) || performance.now() > deadlineMs) {
      await endDaemon(daemon, "SIGKILL");
      const said = readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-10).join("\n");
      throw new Error(`the private dockerd does not answer; it said:\n${said}`);
    }
    await delay(50); // dockerd has no way to tell that it listens
  }
  return daemon;
}

function daemonFlags(directory: string, socket: string): string[] {
  return [
    `--host=unix://${socket}`,
    `--config-file=${join(directory, "daemon.json")}`,
    `--data-root=${join(directory, "data")}`,
    `--exec-root=${join(directory, "exec")}`,
    `--pidfile=${join(directory, "docker.pid")}`,
    // "none" would delete the bridge of the machine's own engine; sharing it disturbs nobody, for no container uses it.
    existsSync("/sys/class/net/docker0") ? "--bridge=docker0" : "--bridge=none",
    "--iptables=false",
    "--ip-forward=false",
    "--ip-masq=false",
    "--shutdown-timeout=3",
  ];
}

async function endDaemon(daemon: ChildProcess, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  if (!isRunning(daemon)) return;
  const exited = once(daemon, "exit");
  daemon.kill(signal);
  const timer = setTimeout(() => daemon.kill("SIGKILL"), STOP_DEADLINE_MS);
  await exited;
  clearTimeout(timer);
}

function isRunning(daemon: ChildProcess): boolean {
  return daemon.pid !== undefined && daemon.exitCode === null && daemon.signalCode === null;
}

/** Daemons whose test process is gone: a run that was killed could not stop them. */
async function removeLeftovers(parent: string): Promise<void> {
  for (const name of readdirSync(parent).filter((entry) => entry.startsWith(PREFIX))) {
    const directory = join(parent, name);
    const ownerFile = join(directory, "owner");
    const [pid = "", startTime = ""] = existsSync(ownerFile) ? readFileSync(ownerFile, "utf8").split(" ") : [];
    // Without an owner it is a directory of this very moment, or one that was left before it had a daemon.
    if (pid !== "" && startTimeOf(Number(pid)) !== startTime) await destroy(directory);
  }
}

async function destroy(directory: string): Promise<void> {
  await killProcessesOf(directory);
  unmountBelow(directory);
  rmSync(directory, { recursive: true, force: true });
}

/** Field 22 of `/proc/PID/stat`, empty when there is no such process. The name before it may hold spaces. */
function startTimeOf(pid: number): string {
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return "";
  return readFileSync(file, "utf8").split(") ").at(-1)?.split(" ")[19] ?? "";
}
