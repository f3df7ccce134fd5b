import type { RunnerEngine } from "../../docker/runner-engine.ts";
import { pollUntil } from "../../platform/poll.ts";

const POLL_MS = 10;
const DEADLINE_MS = 15_000;

/** The engine closes the output before it has noted the exit, and offers nothing to wait on: ask again, briefly. */
export function readExitCode(engine: Pick<RunnerEngine, "inspectExec">, execId: string): Promise<number> {
  return pollUntil({
    what: "the exit code of an exec whose output has ended",
    timeoutMs: DEADLINE_MS,
    intervalMs: POLL_MS,
    probe: async (signal) => {
      const { ExitCode, Running } = await engine.inspectExec(execId, { signal });
      return Running || ExitCode === null ? null : { exitCode: ExitCode };
    },
  }).then(({ exitCode }) => exitCode);
}
