import { randomUUID } from "node:crypto";
import type { RunnerEngine } from "../../docker/runner-engine.ts";
import { toEnvironmentList } from "../containers/environment-list.ts";

/** What is to run inside a container. */
export interface Command {
  /** A text runs in a shell, a list as it is. */
  command: string | string[];
  workdir?: string | undefined;
  env?: Record<string, string> | string[] | undefined;
  tty?: boolean | undefined;
}

/** An exec that was made, and the mark in its environment by which its processes are found again. */
export interface MarkedExec {
  id: string;
  containerId: string;
  mark: string;
  tty: boolean;
}

/** The engine has no call that ends an exec, and tells the host's PID of it: a mark is how its processes are found. */
const MARK_VARIABLE = "STIGMER_EXEC_MARK";

export async function createMarkedExec(
  engine: Pick<RunnerEngine, "createExec">,
  containerId: string,
  { command, env = [], tty = false, workdir }: Command,
  { stdin }: { stdin: boolean },
): Promise<MarkedExec> {
  const mark = `${MARK_VARIABLE}=${randomUUID()}`;
  const id = await engine.createExec(containerId, {
    Cmd: typeof command === "string" ? ["/bin/sh", "-lc", command] : command,
    Env: [...toEnvironmentList(env), mark],
    ...(workdir === undefined ? {} : { WorkingDir: workdir }),
    AttachStdin: stdin,
    AttachStdout: true,
    AttachStderr: true,
    Tty: tty,
  });
  return { id, containerId, mark, tty };
}
