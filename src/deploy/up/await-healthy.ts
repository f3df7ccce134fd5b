import { request } from "node:http";
import { describeExit, fromContainerExit } from "../../components/exit-reason.ts";
import type { DockerEngine } from "../../docker/engine.ts";
import { AppError } from "../../errors.ts";
import { DeadlineError } from "../../platform/deadline.ts";
import { pollUntil } from "../../platform/poll.ts";

type WatchCalls = Pick<DockerEngine, "waitContainer" | "inspectContainer" | "logs">;

export interface AwaitHealthy {
  engine: WatchCalls;
  id: string;
  /** On the host's loopback. */
  port: number;
  timeoutMs: number;
  signal: AbortSignal;
}

/** Asked this often for the second or so that a start takes, and never again. */
const INTERVAL_MS = 50;
const ANSWER_MS = 5_000;
const LOG_LINES = 20;

/**
 * Waits until the server in a container says that it can take work.
 *
 * @throws AppError COMPONENT_EXITED when it ends before, START_TIMEOUT when it does not say so in time; with its last lines.
 */
export async function awaitHealthy({ engine, id, port, timeoutMs, signal }: AwaitHealthy): Promise<void> {
  const watching = new AbortController();
  const both = AbortSignal.any([signal, watching.signal]);
  const url = `http://127.0.0.1:${port}/health/ready`;
  let lastAnswer = "no answer";
  const ready = pollUntil({
    what: `${url} to answer 200`,
    timeoutMs,
    intervalMs: INTERVAL_MS,
    signal: both,
    probe: async () => {
      const answer = await ask(url);
      lastAnswer = answer.text;
      return answer.statusCode === 200;
    },
  });
  const exited = engine.waitContainer(id, { signal: both }).then(async ({ exitCode }) => {
    throw await exitedError(engine, id, exitCode);
  });
  try {
    await Promise.race([ready, exited]);
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    throw new AppError("START_TIMEOUT", `The deployment was not healthy within ${timeoutMs / 1000} s`, {
      detail: [`Awaited: ${url}, status 200; last: ${lastAnswer}`, await lastLines(engine, id)].join("\n"),
      hint: "The answer of /health/ready names what is missing",
    });
  } finally {
    watching.abort();
    await Promise.allSettled([ready, exited]);
  }
}

interface Answer {
  /** Null: none. */
  statusCode: number | null;
  text: string;
}

/** One request on a connection of its own; a server that is not up yet is no error. */
export function ask(url: string): Promise<Answer> {
  return new Promise((resolve) => {
    const asked = request(url, { agent: false, timeout: ANSWER_MS }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const statusCode = response.statusCode ?? null;
        resolve({ statusCode, text: `${statusCode} ${Buffer.concat(chunks).toString().slice(0, 1000)}` });
      });
      response.on("error", (error) => resolve({ statusCode: null, text: error.message }));
    });
    asked.on("timeout", () => asked.destroy(new Error(`no answer within ${ANSWER_MS / 1000} s`)));
    asked.on("error", (error) => resolve({ statusCode: null, text: error.message }));
    asked.end();
  });
}

async function exitedError(engine: WatchCalls, id: string, exitCode: number): Promise<AppError> {
  const info = await engine.inspectContainer(id);
  const reason = describeExit(fromContainerExit(exitCode, info?.state.oomKilled === true));
  return new AppError("COMPONENT_EXITED", `The deployment ended before it was healthy: ${reason}`, {
    detail: await lastLines(engine, id),
    hint: "Its last lines say why",
  });
}

async function lastLines(engine: Pick<DockerEngine, "logs">, id: string): Promise<string> {
  const lines: string[] = [];
  const signal = AbortSignal.timeout(ANSWER_MS);
  const options = { follow: false, tail: LOG_LINES, since: null, until: null, signal };
  for await (const { line } of engine.logs(id, options)) lines.push(line.toString());
  return lines.join("\n");
}
