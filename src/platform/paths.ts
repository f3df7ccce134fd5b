import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { ComponentName } from "../stack/component.ts";

/** Where everything of one home lives (product.md §2). Absolute paths; nothing is created here. */
export interface HomePaths {
  home: string;
  configFile: string;
  secretsFile: string;
  dataDir: string;
  instanceIdFile: string;
  databaseFile: string;
  workspaceDir: string;
  logsDir: string;
  runDir: string;
  /** The socket to bind: under the home, or in the temp dir when that path would be too long. */
  socketFile: string;
  /** Names the socket's path when it is not under the home. */
  socketRecordFile: string;
  tokenFile: string;
  portFile: string;
  startLockFile: string;
  dockerRunnerSecretFile: string;
  dockerRunnerPortFile: string;
  dockerRunnerPolicyFile: string;
  containerIdFile: string;
  pidFile(component: ComponentName): string;
  logFile(component: ComponentName): string;
  /** What a removed agent-runner container said last. */
  lastContainerLogFile: string;
}

/** Unix socket paths end at 104 bytes on macOS and 108 on Linux, the NUL included; the contract says 100. */
const MAX_SOCKET_PATH_BYTES = 100;

const PID_FILES: Record<ComponentName, string> = {
  "stigmer-server": "daemon.pid",
  "workflow-runner": "workflow-runner.pid",
  "agent-runner": "agent-runner.pid",
  "docker-runner": "docker-runner.pid",
  temporal: "temporal.pid",
};

/** The home of a command: `--home`, else `$STIGMER_HOME`, else `~/.stigmer`. */
export function resolveHome(flag: string | undefined, env: NodeJS.ProcessEnv): string {
  return resolve(flag ?? (env["STIGMER_HOME"] || join(homedir(), ".stigmer")));
}

export function isDefaultHome(home: string): boolean {
  return home === join(homedir(), ".stigmer");
}

export function homePaths(home: string): HomePaths {
  const data = join(home, "data");
  const run = join(home, "run");
  const logs = join(data, "logs");
  return {
    home,
    configFile: join(home, "config.yaml"),
    secretsFile: join(home, "secrets.env"),
    dataDir: data,
    instanceIdFile: join(data, "instance-id"),
    databaseFile: join(data, "stigmer.db"),
    workspaceDir: join(data, "workspace"),
    logsDir: logs,
    runDir: run,
    socketFile: socketPath(run, home),
    socketRecordFile: join(run, "socket-path"),
    tokenFile: join(run, "token"),
    portFile: join(run, "port"),
    startLockFile: join(run, "start.lock"),
    dockerRunnerSecretFile: join(run, "docker-runner.secret"),
    dockerRunnerPortFile: join(run, "docker-runner.port"),
    dockerRunnerPolicyFile: join(run, "docker-runner.policy.json"),
    containerIdFile: join(data, "agent-runner-container.id"),
    pidFile: (component) => join(data, PID_FILES[component]),
    logFile: (component) => join(logs, `${component}.log`),
    lastContainerLogFile: join(logs, "agent-runner.last.log"),
  };
}

function socketPath(runDir: string, home: string): string {
  const path = join(runDir, "stigmer.sock");
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return path;
  // Loaded only here: it costs 7 ms, a third of what `status` may take, and few homes lie so deep.
  const { createHash } = process.getBuiltinModule("node:crypto");
  const digest = createHash("sha256").update(home).digest("hex").slice(0, 16);
  return join(tmpdir(), `stigmer-${process.getuid?.() ?? 0}-${digest}.sock`);
}
