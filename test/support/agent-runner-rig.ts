import { writeFile } from "node:fs/promises";
import { loadDocuments } from "@stigmer/agent-runner/definitions";
import { type EventDelivery, type Json, QUEUES, type QueueName } from "@stigmer/agent-runner/protocol";
import { serve } from "../../agent-runner/src/boot/serve.ts";
import type { Logger } from "../../agent-runner/src/logging/writer.ts";
import type { FakeBackend } from "./fake-backend.ts";

export interface RunnerRig {
  /** Every line of the log, as `LEVEL text`. */
  lines: string[];
  /** Ends the runner as SIGTERM does, and waits for its end. */
  stop(): Promise<void>;
}

/** A runner in this process, by default of the agent role, with a workspace of the test's own. */
export async function startRunner(
  backend: FakeBackend,
  { directory, queue = QUEUES.agent }: { directory: string; queue?: QueueName },
): Promise<RunnerRig> {
  const tokenFile = `${directory}/token`;
  await writeFile(tokenFile, backend.token);
  const lines: string[] = [];
  const stop = new AbortController();
  const polls = backend.polls.length;
  const ended = serve({
    environment: {
      mode: "local",
      backendUrl: backend.url,
      tokenFile,
      queue,
      workspaceRoot: `${directory}/workspace`,
      logLevel: "debug",
      concurrency: 4,
      runnerId: "the-runner",
      loopbackHost: null,
    },
    env: { HOME: directory, PATH: process.env["PATH"], TMPDIR: directory },
    pid: process.pid,
    log: gatherLog(lines),
    stop,
  });
  await Promise.race([ended, backend.until("the first poll", () => backend.polls.length > polls)]);
  return {
    lines,
    async stop() {
      stop.abort("shutdown");
      await ended;
    },
  };
}

/** A validated agent, from the part of its definition that a test is about. */
export function agent(spec: { [key: string]: Json }): Json {
  const text = JSON.stringify({
    apiVersion: "stigmer/v1",
    kind: "Agent",
    metadata: { name: "subject" },
    spec,
  });
  const { documents, issues } = loadDocuments(text, "test.json");
  const [document] = documents;
  if (document === undefined) throw new Error(`the test's agent is wrong: ${JSON.stringify(issues)}`);
  return document.definition;
}

/** An agent that makes these tool calls, one answer each, and then says "done". */
export function toolUser(calls: { tool: string; arguments: Json }[], spec: { [key: string]: Json } = {}): Json {
  return agent({
    tools: ["file_read", "file_write", "file_edit", "file_glob", "file_search", "shell", "web_fetch"],
    model: { provider: "scripted", script: [...calls.map((call) => ({ tool_calls: [call] })), { text: "done" }] },
    ...spec,
  });
}

export function eventTypes(events: EventDelivery[]): string[] {
  return events.map(({ type }) => type);
}

/** What the tools gave back, oldest first. */
export function toolOutputs(events: EventDelivery[]): { tool: string; ok: boolean; output: string }[] {
  return events.flatMap(({ type, data }) =>
    type === "tool.completed"
      ? [{ tool: String(data["tool"]), ok: data["ok"] === true, output: String(data["output"]) }]
      : [],
  );
}

function gatherLog(lines: string[]): Logger {
  const write = (level: string) => (message: string) => {
    lines.push(`${level} ${message}`);
  };
  return {
    debug: write("DEBUG"),
    info: write("INFO"),
    warn: write("WARN"),
    error: write("ERROR"),
    mask: () => {},
    close: () => {},
  };
}
