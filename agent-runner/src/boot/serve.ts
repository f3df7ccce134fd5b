import { readFile } from "node:fs/promises";
import type { Logger } from "../logging/writer.ts";
import type { RunnerEnvironment } from "../protocol/environment.ts";
import { QUEUES } from "../protocol/messages.ts";
import { runAgentTask } from "../roles/agent.ts";
import { runWorkflowTask } from "../roles/workflow.ts";
import { connectBackend } from "../session/backend.ts";
import { keepConnection } from "../session/connection.ts";
import { serveQueue } from "../session/session.ts";
import { VERSION } from "../version.ts";
import { isAbandoned } from "./abandonment.ts";
import { ensureHome } from "./home.ts";
import { openPollingProof, pollingProofFile } from "./polling-proof.ts";
import { proveWorkspace } from "./workspace-proof.ts";

export interface ServeOptions {
  environment: RunnerEnvironment;
  /** The process's own environment, for what the contract leaves to the platform: HOME, PATH, TMPDIR. */
  env: NodeJS.ProcessEnv;
  pid: number;
  log: Logger;
  /** Ends the runner: its tasks are put down and its leases given back. */
  stop: AbortController;
}

/** A runner from its first log line to its last. @throws the system's error when the token cannot be read at boot. */
export async function serve({ environment, env, pid, log, stop }: ServeOptions): Promise<void> {
  const { backendUrl, tokenFile, queue, workspaceRoot, concurrency, runnerId } = environment;
  const isAgent = queue === QUEUES.agent;
  log.info(
    `stigmer runner ${VERSION}: role ${isAgent ? "agent" : "workflow"}, queue ${queue}, ` +
      `engine embedded at ${backendUrl}, model as each task says, workspace ${workspaceRoot}`,
  );
  const backend = await connectBackend(backendUrl, async () => {
    const token = (await readFile(tokenFile, "utf8")).trim();
    log.mask([token]);
    return token;
  });
  const workspace = isAgent ? await proveWorkspace(workspaceRoot, pid) : null;
  if (workspace?.writable === false) log.warn(`workspace ${workspace.path} cannot be written: ${workspace.reason}`);
  const pidFile = env["STIGMER_PID_FILE"] || null;
  const runTask = isAgent ? runAgentTask : runWorkflowTask;
  const context = { environment, home: ensureHome(env["HOME"]), path: env["PATH"] || USUAL_PATH, log };

  await serveQueue({
    backend,
    connection: keepConnection({
      backend,
      log,
      onSilence: async (silentMs) => {
        if (!(await isAbandoned(silentMs, pidFile, pid))) return;
        log.warn(`the server has been gone for ${Math.round(silentMs / 1000)} s and ${pidFile} is not ours: ending`);
        stop.abort("abandoned");
      },
    }),
    hello: { runnerId, queue, version: VERSION, pid, concurrency, workspace },
    log,
    runTask: (task, channel) => runTask(task, channel, context),
    onPoll: openPollingProof(pollingProofFile(env)),
    signal: stop.signal,
  });
  backend.close();
  log.info("stopped");
}

const USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
