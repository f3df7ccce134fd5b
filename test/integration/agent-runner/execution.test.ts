import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  agent,
  eventTypes,
  type RunnerRig,
  startRunner,
  toolOutputs,
  toolUser,
} from "../../support/agent-runner-rig.ts";
import { FakeBackend } from "../../support/fake-backend.ts";
import { isAlive } from "../../support/process-state.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let backend: FakeBackend;
let runner: RunnerRig;

beforeAll(async () => {
  directory = await temporaryDirectory();
  backend = await FakeBackend.start();
  runner = await startRunner(backend, { directory: directory.path });
});

afterAll(async () => {
  await runner.stop();
  await backend.crash();
  await directory[Symbol.asyncDispose]();
});

const shell = (command: string) => ({ tool: "shell", arguments: { command } });

describe("an execution", () => {
  test("tells each step before and after, its words as they come, and its end", async () => {
    const id = backend.enqueue({
      definition: agent({
        tools: ["shell"],
        model: {
          provider: "scripted",
          script: [{ text: "Let me see.", tool_calls: [shell("echo seen")] }, { text: "I saw it." }],
        },
      }),
    });
    expect(await backend.outcome(id)).toMatchObject({ phase: "succeeded", output: "I saw it." });
    const told = backend
      .items(id)
      .map((item) => (item.kind === "event" ? item.type : `${item.record.kind} ${item.phase}`));
    expect(told).toEqual([
      "execution.started",
      "step.started",
      "model started",
      "message.delta",
      "message.completed",
      "model finished",
      "step.started",
      "tool.started",
      "tool started",
      "tool.completed",
      "tool finished",
      "step.started",
      "model started",
      "message.delta",
      "message.completed",
      "model finished",
    ]);
    expect(backend.events(id).find(({ type }) => type === "tool.started")?.data).toEqual({
      tool: "shell",
      callId: "call_1_1",
      arguments: { command: "echo seen" },
    });
  });

  test("starts a tool only when the server holds the record of its start", async () => {
    const id = backend.enqueue({ definition: toolUser([shell("[ -e released ] && echo after || echo before")]) });
    const release = backend.holdDeliveries(id);
    await backend.until("the held record", () => backend.waitingDeliveries(id) === 1);
    // By the time that a whole other execution takes, a tool that did not wait would have run.
    await backend.outcome(backend.enqueue({ definition: toolUser([shell("true"), shell("touch released")]) }));
    release();
    await backend.outcome(id);
    expect(toolOutputs(backend.events(id)).map(({ output }) => output)).toEqual(["exit code: 0\nstdout:\nafter"]);
  });

  test("runs the calls of one answer at the same time", async () => {
    // Each waits for the file of the other.
    const meet = (mine: string, other: string) =>
      shell(`touch ${mine}; until [ -e ${other} ]; do sleep 0.01; done; echo met`);
    const id = backend.enqueue({
      definition: agent({
        tools: ["shell"],
        model: {
          provider: "scripted",
          script: [{ tool_calls: [meet("left", "right"), meet("right", "left")] }, { text: "done" }],
        },
      }),
    });
    expect(await backend.outcome(id)).toMatchObject({ phase: "succeeded" });
    expect(toolOutputs(backend.events(id)).map(({ output }) => output)).toEqual([
      "exit code: 0\nstdout:\nmet",
      "exit code: 0\nstdout:\nmet",
    ]);
  });

  test("that never stops calling tools fails at limits.max_steps", async () => {
    const id = backend.enqueue({
      definition: agent({
        tools: ["shell"],
        limits: { max_steps: 5 },
        model: { provider: "scripted", script: [{ tool_calls: [shell("true")] }] },
      }),
    });
    expect(await backend.outcome(id)).toMatchObject({
      phase: "failed",
      error: { code: "EXECUTION_FAILED", message: expect.stringContaining("5 steps") },
    });
    expect(eventTypes(backend.events(id)).filter((type) => type === "step.started")).toHaveLength(5);
  });

  test("over its time ends as timed out", async () => {
    const id = backend.enqueue({ definition: toolUser([shell("sleep 60")]), remainingMs: 300 });
    expect(await backend.outcome(id)).toEqual({ phase: "timed_out" });
  });

  test("whose definition is of another version fails instead of ending the runner", async () => {
    const id = backend.enqueue({ definition: null });
    expect(await backend.outcome(id)).toMatchObject({ phase: "failed", error: { code: "INTERNAL" } });
  });
});

describe("cancelling", () => {
  test("kills the command with all that it started, then ends", async () => {
    const id = backend.enqueue({
      definition: toolUser([shell("trap '' TERM; sleep 1000 & echo $! $$ > pids; wait; wait; sleep 1000")]),
    });
    await backend.until("the command's start", () => eventTypes(backend.events(id)).includes("tool.started"));
    const pids = await readPids(`${directory.path}/workspace/pids`);
    expect(pids.filter(isAlive)).toEqual(pids);
    backend.cancel(id);
    expect(await backend.outcome(id)).toEqual({ phase: "cancelled" });
    await expect.poll(() => pids.filter(isAlive), { timeout: 15_000 }).toEqual([]);
  });

  test("ends a model call", async () => {
    const id = backend.enqueue({
      definition: agent({ model: { provider: "scripted", delay_ms: 600_000, script: [{ text: "never" }] } }),
    });
    await backend.until("its start", () => backend.events(id).length > 0);
    backend.cancel(id);
    expect(await backend.outcome(id)).toEqual({ phase: "cancelled" });
  });
});

describe("after the runner died", () => {
  const definition = toolUser([shell("echo ran >> runs"), shell("cat runs")]);

  /** The steps of a whole execution up to the item that `until` names. */
  async function dieAfter(until: (told: string) => boolean): Promise<string> {
    const whole = backend.enqueue({ definition });
    await backend.outcome(whole);
    const steps = backend.items(whole).filter((item) => item.kind === "step");
    const end = steps.findIndex((item) => until(`${item.step} ${item.record.kind} ${item.phase}`));
    const again = backend.enqueue({
      definition,
      attempt: 2,
      steps: steps.slice(0, end + 1).filter(({ step, phase }, _, kept) => {
        return phase === "finished" || !kept.some((other) => other.step === step && other.phase === "finished");
      }),
    });
    await backend.outcome(again);
    return again;
  }

  test("a finished tool step is not run again", async () => {
    const id = await dieAfter((told) => told === "3 model started");
    expect(toolOutputs(backend.events(id)).map(({ output }) => output)).toEqual(["exit code: 0\nstdout:\nran"]);
    expect(backend.events(id)).toContainEqual(
      expect.objectContaining({
        type: "step.retried",
        step: 4,
        data: { attempt: 2, reason: "the runner was interrupted" },
      }),
    );
  });

  test("a tool step in flight is told to the model as interrupted, and not run again", async () => {
    const id = await dieAfter((told) => told === "2 tool started");
    const [first] = toolOutputs(backend.events(id));
    expect(first).toMatchObject({ ok: false, output: expect.stringContaining("interrupted") });
  });
});

describe("secrets", () => {
  test("reach the command and are masked in every event and record", async () => {
    const secret = "s3cr3t-value-of-the-test";
    const id = backend.enqueue({
      definition: agent({
        tools: ["shell"],
        model: {
          provider: "scripted",
          script: [{ tool_calls: [shell('echo "$TOKEN" && expr length "$TOKEN"')] }, { text: `I know ${secret}!` }],
        },
      }),
      environment: { TOKEN: secret },
      secrets: [secret],
    });
    expect(await backend.outcome(id)).toMatchObject({ output: "I know ***!" });
    expect(toolOutputs(backend.events(id))).toEqual([
      { tool: "shell", ok: true, output: `exit code: 0\nstdout:\n***\n${secret.length}` },
    ]);
    expect(JSON.stringify(backend.items(id))).not.toContain(secret);
    expect(runner.lines.join("\n")).not.toContain(secret);
  });

  test("of the runner's own environment do not reach a command", async () => {
    process.env["STIGMER_TEST_LEAK"] = "leaked";
    const id = backend.enqueue({ definition: toolUser([shell("env | cut -d= -f1 | sort | tr '\\n' ' '")]) });
    await backend.outcome(id);
    delete process.env["STIGMER_TEST_LEAK"];
    const [names] = toolOutputs(backend.events(id));
    expect(names?.output.replace(/ (OLDPWD|PWD|SHLVL|_)\b/g, "")).toBe(
      "exit code: 0\nstdout:\nHOME LANG PATH STIGMER_TOOL_CALL",
    );
  });
});

async function readPids(file: string): Promise<string[]> {
  for (;;) {
    const text = await readFile(file, "utf8").catch(() => "");
    if (text.endsWith("\n")) return text.trim().split(" ");
    await new Promise((resolve) => setImmediate(resolve));
  }
}
