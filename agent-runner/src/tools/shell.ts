import { type GroupResult, runInGroup } from "./process-group.ts";
import { OUTPUT_LIMIT_BYTES, type Tool, ToolError } from "./tool.ts";

/** One command may take this long; an execution's own limit may end it earlier. */
const LIMIT_MS = 5 * 60_000;
/** For the words around the output. */
const FRAME_BYTES = 256;

export const shell: Tool = {
  description:
    "Runs a command with sh in the workspace. Standard input is empty; processes that the command leaves behind are ended with it. Returns exit code, stdout and stderr.",
  parameters: { command: "The command line" },
  idempotent: false,
  async run({ command = "" }, { workspaceRoot, environment, signal }) {
    const result = await runInGroup({
      file: "/bin/sh",
      args: ["-c", command],
      directory: workspaceRoot,
      environment,
      limitMs: LIMIT_MS,
      outputLimitBytes: OUTPUT_LIMIT_BYTES,
      signal,
    }).catch((error: unknown) => {
      if (signal.aborted) throw signal.reason;
      throw new ToolError(`the command cannot be started: ${error instanceof Error ? error.message : error}`);
    });
    return { ok: result.code === 0, output: describe(result) };
  },
};

function describe(result: GroupResult): string {
  const { stdout, stderr } = result;
  const room = OUTPUT_LIMIT_BYTES - FRAME_BYTES;
  const half = Math.floor(room / 2);
  const parts = [endingOf(result)];
  // A quiet stream leaves its room to the other.
  if (stdout.size > 0) parts.push(`stdout:\n${stdout.toText(Math.max(half, room - stderr.size)).trimEnd()}`);
  if (stderr.size > 0) parts.push(`stderr:\n${stderr.toText(Math.max(half, room - stdout.size)).trimEnd()}`);
  return parts.join("\n");
}

function endingOf({ code, exitSignal, overTime }: GroupResult): string {
  if (overTime) return `killed: it ran longer than ${LIMIT_MS / 1000} s`;
  return code === null ? `killed by ${exitSignal}` : `exit code: ${code}`;
}
