import { open } from "node:fs/promises";
import { hasPrefix, PREFIX_BYTES } from "@stigmer/agent-runner/log-format";
import type { DockerEngine } from "../docker/engine.ts";
import { systemErrorCode } from "../errors.ts";

const TAIL_BYTES = 64 * 1024;
const CONTAINER_LOG_DEADLINE_MS = 2_000;

/** The last lines of a process's log, without their prefixes; none when there is no log. */
export async function processLogTail(file: string, lines: number): Promise<string[]> {
  const bytes = await readEnd(file);
  return bytes
    .toString("latin1")
    .split("\n")
    .filter((line) => line !== "")
    .slice(-lines)
    .map((line) => Buffer.from(line, "latin1"))
    .map((line) => (hasPrefix(line, 0, line.length) ? line.subarray(PREFIX_BYTES) : line).toString("utf8"));
}

/** The last lines of a container's log. */
export async function containerLogTail(engine: DockerEngine, containerId: string, lines: number): Promise<string[]> {
  const signal = AbortSignal.timeout(CONTAINER_LOG_DEADLINE_MS);
  const found: string[] = [];
  const options = { follow: false, tail: lines, since: null, until: null, signal };
  for await (const line of engine.logs(containerId, options)) found.push(line.line.toString("utf8"));
  return found.slice(-lines);
}

async function readEnd(file: string): Promise<Buffer> {
  try {
    const handle = await open(file, "r");
    try {
      const { size } = await handle.stat();
      const length = Math.min(size, TAIL_BYTES);
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}
