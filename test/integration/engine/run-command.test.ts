import type { ExecutionEvent } from "@stigmer/agent-runner/protocol";
import { expect, test } from "vitest";
import { type RunOptions, handle as run } from "../../../src/cli/commands/run.ts";
import { AppError } from "../../../src/errors.ts";
import { type CommandRigOptions, type CommandRun, runHandler } from "../../support/command-rig.ts";
import { type EngineApi, startEngineApi } from "../../support/engine-api.ts";
import { applyAgent, readAll } from "../../support/engine-rig.ts";
import {
  answerWith,
  type Behaviour,
  event,
  startScriptedWorker,
  untilAborted,
  workUntilStopped,
} from "../../support/scripted-worker.ts";

const TOKENS = { input: 0, output: 0 };

test("stdout has the assistant's words and nothing else, stderr the id first", async () => {
  await using api = await startAgent(answerWith("good day to you"));
  const { stdout, stderr, result, error } = await runAgent(api);
  expect(stdout).toBe("good day to you \n");
  expect(stderr).toMatch(/^Execution ID: [\w-]+\n/);
  expect(stderr).toContain("Scripted model");
  expect([result, error]).toEqual([null, null]);
});

test("words are written as they are produced, not when the message is complete", async () => {
  const goOn = new AbortController();
  await using api = await startAgent(async (_task, { deliver }) => {
    await deliver(event(1, 0, "message.delta", { text: "first " }));
    await untilAborted(goOn.signal);
    await deliver(
      event(1, 1, "message.delta", { text: "second" }),
      event(1, 2, "message.completed", { text: "first second" }),
    );
    return { phase: "succeeded", output: "first second", tokens: TOKENS };
  });
  const onWrite = (stdout: string): void => {
    if (stdout === "first ") goOn.abort();
  };
  expect((await runAgent(api, {}, { onWrite })).stdout).toBe("first second\n");
});

test("each message ends with a newline, told in deltas or not, and after a retry the text begins on a new line", async () => {
  await using api = await startAgent(async (_task, { deliver }) => {
    await deliver(
      event(1, 0, "message.delta", { text: "half an ans" }),
      event(1, 1, "step.retried", { attempt: 2, reason: "the answer was cut off" }),
      event(1, 2, "message.delta", { text: "a whole answer" }),
      event(1, 3, "message.completed", { text: "a whole answer" }),
      event(2, 0, "tool.started", { tool: "shell", callId: "1", arguments: { command: `echo ${"x".repeat(500)}` } }),
      event(2, 1, "tool.completed", { tool: "shell", callId: "1", ok: false, output: "exit code 1\nno such thing" }),
      event(3, 0, "message.completed", { text: "untold before\n" }),
      event(4, 0, "message.delta", { text: "left open" }),
    );
    return { phase: "succeeded", output: "x", tokens: TOKENS };
  });
  const { stdout, stderr } = await runAgent(api);
  expect(stdout).toBe("half an ans\na whole answer\nuntold before\nleft open\n");
  expect(stderr).toContain("Trying again (attempt 2): the answer was cut off\n");
  expect(stderr).toContain("shell failed: exit code 1 no such thing\n");
  const longest = Math.max(...stderr.split("\n").map(({ length }) => length));
  expect(longest).toBeLessThan(140);
});

test("--json prints the events that are stored, one a line", async () => {
  await using api = await startAgent(answerWith("one two"));
  const { stdout, error } = await runAgent(api, {}, { json: true });
  const records = stdout
    .trim()
    .split("\n")
    .map((line): ExecutionEvent => JSON.parse(line));
  expect(error).toBeNull();
  expect(records.map(({ seq, type }) => `${seq} ${type}`)).toEqual(
    await readAll(api.rig, records[0]?.executionId ?? ""),
  );
});

test("--detach prints the id and does not wait", async () => {
  await using api = await startEngineApi();
  applyAgent(api.rig, "hello");
  const { stdout, stderr, result } = await runAgent(api, { detach: true });
  const executionId = result?.text ?? "";
  expect([stdout, stderr, result?.data]).toEqual(["", "", { executionId }]);
  expect(await api.rig.engine.get(executionId)).toMatchObject({ phase: "queued" });
});

test("message, session, variables and time reach the execution", async () => {
  const tasks: unknown[] = [];
  await using api = await startAgent(async (task) => {
    tasks.push([task.message, task.environment, task.remainingMs <= 5_000]);
    return { phase: "succeeded", output: null, tokens: TOKENS };
  });
  await runAgent(api, { message: "-", session: "s", env: ["A=1=2", "B="], timeoutMs: 5_000 }, { stdin: "typed\nin\n" });
  expect(tasks).toEqual([["typed\nin", { A: "1=2", B: "" }, true]]);
});

test("a failed execution is EXECUTION_FAILED with its reason and, in detail, its code", async () => {
  const failure = { code: "LLM_UNAVAILABLE", message: "ollama at http://x does not answer" };
  await using api = await startAgent(async () => ({ phase: "failed", error: failure, tokens: TOKENS }));
  const { error } = await runAgent(api);
  expect(error).toMatchObject({ code: "EXECUTION_FAILED", detail: "LLM_UNAVAILABLE" });
  expect(error?.message).toContain("http://x");
});

test("an execution over its time is EXECUTION_TIMED_OUT", async () => {
  await using api = await startAgent(workUntilStopped);
  expect((await runAgent(api, { timeoutMs: 50 })).error).toMatchObject({ code: "EXECUTION_TIMED_OUT" });
});

test("the first Ctrl-C cancels the execution and leaves the exit code to the signal", async () => {
  await using api = await startAgent(workUntilStopped);
  const user = new AbortController();
  const { result, error, stderr } = await runAgent(api, {}, { signal: user.signal, onWrite: interruptOnId(user) });
  expect([result, error]).toEqual([null, null]);
  expect(stderr).toContain("Execution cancelled");
  expect(await phases(api)).toEqual(["cancelled"]);
});

test("the terminal event of an execution that Ctrl-C cancelled is the last record", async () => {
  await using api = await startAgent(workUntilStopped);
  const user = new AbortController();
  const rig = { json: true, signal: user.signal, onWrite: interruptOnId(user) };
  const { stdout } = await runAgent(api, {}, rig);
  expect(stdout.trim().split("\n").at(-1)).toContain('"type":"execution.cancelled"');
});

test("a Ctrl-C with a worker that hears nothing ends the command within 2 s all the same", async () => {
  const end = new AbortController();
  await using api = await startAgent(async () => {
    await untilAborted(end.signal);
    return { phase: "succeeded", output: null, tokens: TOKENS };
  });
  const user = new AbortController();
  const began = performance.now();
  await runAgent(api, {}, { signal: user.signal, onWrite: interruptOnId(user) });
  expect(performance.now() - began).toBeLessThan(5_000);
  end.abort();
  expect(await phases(api)).toEqual(["cancelled"]);
});

test("an execution that another command cancels is EXECUTION_CANCELLED", async () => {
  await using api = await startAgent(workUntilStopped);
  const running = runAgent(
    api,
    {},
    {
      onWrite: (_stdout, stderr) => {
        const id = /Execution ID: (\S+)\n/.exec(stderr)?.[1];
        if (id !== undefined) void api.rig.engine.cancel(id);
      },
    },
  );
  expect((await running).error).toMatchObject({ code: "EXECUTION_CANCELLED" });
});

test("a server that dies in the middle is waited for, and the words go on where they stopped", async () => {
  const goOn = new AbortController();
  await using api = await startAgent(async (_task, { deliver }) => {
    await deliver(event(1, 0, "message.delta", { text: "before " }));
    await untilAborted(goOn.signal);
    await deliver(
      event(1, 1, "message.delta", { text: "after" }),
      event(1, 2, "message.completed", { text: "before after" }),
    );
    return { phase: "succeeded", output: "before after", tokens: TOKENS };
  });
  let died: Promise<void> | null = null;
  const onWrite = (stdout: string, stderr: string): void => {
    if (stdout === "before ") died ??= api.die();
    if (stderr.includes("The server died") && !goOn.signal.aborted) {
      goOn.abort();
      void died?.then(() => api.listen());
    }
  };
  const { stdout, stderr, error } = await runAgent(api, {}, { onWrite });
  expect([stdout, error]).toEqual(["before after\n", null]);
  expect(stderr).toContain("The server is back");
});

test("a stack that is stopped in the middle ends the command as NOT_RUNNING with the id", async () => {
  await using api = await startAgent(workUntilStopped);
  let stopping: Promise<void> | null = null;
  const onWrite = (_stdout: string, stderr: string): void => {
    if (!stderr.includes("Scripted model") || stopping !== null) return;
    stopping = api.stop();
  };
  const { error, stderr } = await runAgent(api, {}, { onWrite });
  const id = /Execution ID: (\S+)\n/.exec(stderr)?.[1] ?? "";
  expect(error).toMatchObject({ code: "NOT_RUNNING" });
  expect(error?.message).toContain(id);
});

test.for([
  [{}, "either --agent NAME or --workflow NAME"],
  [{ agent: "a", workflow: "w" }, "either --agent NAME or --workflow NAME"],
  [{ workflow: "w", message: "x" }, "-m is for agents"],
  [{ agent: "a", input: ["k=v"] }, "-i is for workflows"],
  [{ agent: "a", env: ["no-equals"] }, "NAME=VALUE"],
  [{ agent: "a", env: ["1A=x"] }, "NAME=VALUE"],
] as const)("%j is a usage error that starts nothing", async ([options, message]) => {
  const { error } = await runHandler(run, { ...DEFAULTS, ...copy(options) });
  expect(error).toMatchObject({ code: "USAGE", message: expect.stringContaining(message) });
});

test("an unknown agent is NOT_FOUND with the nearest name, before anything is printed", async () => {
  await using api = await startAgent(answerWith("x"));
  const { error, stdout, stderr } = await runAgent(api, { agent: "helo" });
  expect(error).toMatchObject({ code: "NOT_FOUND", message: expect.stringContaining("did you mean hello?") });
  expect([stdout, stderr]).toEqual(["", ""]);
});

const DEFAULTS: RunOptions = { input: [], env: [], detach: false, timeoutMs: null, start: false };

/** An API with the agent `hello` and a worker that does this. */
async function startAgent(behave: Behaviour): Promise<EngineApi> {
  const api = await startEngineApi();
  applyAgent(api.rig, "hello");
  const worker = startScriptedWorker(api.rig.runner, behave);
  const dispose = api[Symbol.asyncDispose];
  return Object.assign(api, {
    async [Symbol.asyncDispose]() {
      await worker[Symbol.asyncDispose]();
      await dispose();
    },
  });
}

function runAgent(api: EngineApi, options: Partial<RunOptions> = {}, rig: CommandRigOptions = {}): Promise<CommandRun> {
  return runHandler(run, { ...DEFAULTS, agent: "hello", ...options }, { paths: api.paths, ...rig });
}

function interruptOnId(user: AbortController): (stdout: string, stderr: string) => void {
  return (_stdout, stderr) => {
    if (stderr.includes("Execution ID")) user.abort(new AppError("INTERRUPTED", "Interrupted by SIGINT"));
  };
}

async function phases(api: EngineApi): Promise<string[]> {
  const { executions } = await api.rig.engine.list({ limit: 10, cursor: null, phase: null });
  return executions.map(({ phase }) => phase);
}

function copy(options: Readonly<Record<string, string | readonly string[]>>): Partial<RunOptions> {
  return structuredClone(options);
}
