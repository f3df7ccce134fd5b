import type { ContainerLogLine, DockerEngine } from "../docker/engine.ts";

export interface ContainerTailRequest {
  id: string;
  count: number;
  /** RFC 3339, or null. */
  since: string | null;
  /** What Docker cannot select itself; null when it can. */
  filter: ((line: ContainerLogLine) => boolean) | null;
  /** Called with every line that was read, in order, wanted or not. */
  onLine: (line: ContainerLogLine) => void;
  signal: AbortSignal;
}

/** The last `count` matching lines of a container's log; reads at least one line, so that its place is known. */
export async function readContainerTail(
  engine: Pick<DockerEngine, "logs">,
  { id, count, since, filter, onLine, signal }: ContainerTailRequest,
): Promise<ContainerLogLine[]> {
  const tail = filter === null ? Math.max(1, count) : "all";
  let kept: ContainerLogLine[] = [];
  for await (const line of engine.logs(id, { follow: false, tail, since, until: null, signal })) {
    onLine(line);
    // A copy: the line shares memory with the block it came in.
    if (filter === null || filter(line)) kept.push({ ...line, line: Buffer.from(line.line) });
    if (kept.length > 2 * count + SURPLUS_LINES) kept = lastOf(kept, count);
  }
  return lastOf(kept, count);
}

/** Kept beyond those wanted, so that the list is not cut at every line. */
const SURPLUS_LINES = 1000;

function lastOf(lines: ContainerLogLine[], count: number): ContainerLogLine[] {
  return lines.slice(Math.max(0, lines.length - count));
}
