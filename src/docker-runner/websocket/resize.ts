import { setTimeout as sleep } from "node:timers/promises";
import { DockerRequestError } from "../../docker/engine.ts";
import type { RunnerEngine } from "../../docker/runner-engine.ts";

const ATTEMPTS = 20;
const PAUSE_MS = 100;

/** The engine refuses the size of a command that is just being started; one that has ended needs none. */
export async function resizeWhenRunning(
  engine: Pick<RunnerEngine, "resizeExec" | "inspectExec">,
  execId: string,
  size: { columns: number; rows: number },
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await engine.resizeExec(execId, size);
    } catch (error) {
      if (!(error instanceof DockerRequestError)) throw error;
      const { ExitCode, Running } = await engine.inspectExec(execId);
      if (attempt === ATTEMPTS || (!Running && ExitCode !== null)) return;
      await sleep(PAUSE_MS);
    }
  }
}
