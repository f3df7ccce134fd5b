import type { ExecutionEvent, Json } from "@stigmer/agent-runner/protocol";
import { expect, test } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { AppError } from "../../src/errors.ts";
import { runRequest } from "../support/engine-rig.ts";
import { answerWith, type Behaviour, event, untilAborted, workUntilStopped } from "../support/scripted-worker.ts";

/** An engine with nothing in it, and hands to feed it. */
export interface EngineWorld extends AsyncDisposable {
  engine: Engine;
  /** Stores an agent; `spec` replaces parts of a complete definition. */
  apply(name: string, spec?: { [key: string]: Json }): void;
  /** Starts a worker that does this with every task; it ends with the world. */
  work(behave: Behaviour, options?: { concurrency?: number }): { taken: string[] };
}

/** What every engine promises, whatever it is made of (engine.md §3). */
export function describeEngineContract(createWorld: () => Promise<EngineWorld>): void {
  test("an execution goes from queued over running to succeeded, and keeps output, steps and tokens", async () => {
    await using world = await createWorld();
    world.apply("hello");
    const id = await world.engine.run(runRequest("hello", { message: "hi" }));
    expect(await world.engine.get(id)).toMatchObject({ phase: "queued", startedAt: null, endedAt: null });
    world.work(answerWith("good day"));
    await follow(world.engine, id);
    const detail = await world.engine.get(id);
    expect(detail).toMatchObject({ phase: "succeeded", output: "good day", tokens: { input: 3, output: 2 } });
    expect(detail.input).toEqual({ message: "hi" });
    expect(detail.steps).toHaveLength(1);
    expect(detail.endedAt).not.toBeNull();
  });

  test("events are numbered from 1 without a gap and end with exactly one terminal event", async () => {
    await using world = await createWorld();
    world.apply("hello");
    world.work(answerWith("one two three"));
    const events = await follow(world.engine, await world.engine.run(runRequest("hello")));
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.map(({ type }) => type)).toEqual([
      "execution.queued",
      "execution.started",
      "step.started",
      "message.delta",
      "message.delta",
      "message.delta",
      "message.completed",
      "execution.succeeded",
    ]);
    expect(events[1]?.data).toEqual({ provider: "scripted", model: null });
    expect(events.at(-1)?.data).toEqual({ output: "one two three" });
  });

  test("a reader can begin after any number, and many readers see the same", async () => {
    await using world = await createWorld();
    world.apply("hello");
    world.work(answerWith("one two three"));
    const id = await world.engine.run(runRequest("hello"));
    const readers = await Promise.all([follow(world.engine, id), follow(world.engine, id)]);
    expect(readers[0]).toEqual(readers[1]);
    const all = readers[0] ?? [];
    for (const afterSeq of [0, 3, all.length - 1, all.length, all.length + 5]) {
      expect(await follow(world.engine, id, afterSeq)).toEqual(all.slice(afterSeq));
    }
  });

  test("a follower sees events while the execution still runs", async () => {
    await using world = await createWorld();
    world.apply("hello");
    const goOn = new AbortController();
    world.work(async (_task, { deliver }) => {
      await deliver(event(1, 0, "message.delta", { text: "words" }));
      await untilAborted(goOn.signal);
      return { phase: "succeeded", output: null, tokens: { input: 0, output: 0 } };
    });
    const id = await world.engine.run(runRequest("hello"));
    const types: string[] = [];
    for await (const { type } of world.engine.events(id, { afterSeq: 0, follow: true, signal: never })) {
      types.push(type);
      if (type === "message.delta") goOn.abort();
    }
    expect(types.at(-1)).toBe("execution.succeeded");
  });

  test("without follow the events end where the log ends", async () => {
    await using world = await createWorld();
    world.apply("hello");
    const id = await world.engine.run(runRequest("hello"));
    const types: string[] = [];
    for await (const { type } of world.engine.events(id, { afterSeq: 0, follow: false, signal: never }))
      types.push(type);
    expect(types).toEqual(["execution.queued"]);
  });

  test("a failure ends the execution as failed, with its code and message", async () => {
    await using world = await createWorld();
    world.apply("hello");
    const error = { code: "LLM_UNAVAILABLE", message: "nobody answers" };
    world.work(async () => ({ phase: "failed", error, tokens: { input: 0, output: 0 } }));
    const id = await world.engine.run(runRequest("hello"));
    const events = await follow(world.engine, id);
    expect(events.at(-1)).toMatchObject({ type: "execution.failed", data: { error } });
    expect(await world.engine.get(id)).toMatchObject({ phase: "failed", error });
  });

  test("a queued execution is cancelled at once and given to nobody", async () => {
    await using world = await createWorld();
    world.apply("hello");
    const id = await world.engine.run(runRequest("hello"));
    expect(await world.engine.cancel(id)).toBe("cancelled");
    const { taken } = world.work(answerWith("late"));
    const other = await world.engine.run(runRequest("hello"));
    await follow(world.engine, other);
    expect(taken).toEqual([other]);
    expect((await follow(world.engine, id)).map(({ type }) => type)).toEqual([
      "execution.queued",
      "execution.cancelled",
    ]);
  });

  test("a running execution is cancelled by way of its worker", async () => {
    await using world = await createWorld();
    world.apply("hello");
    world.work(workUntilStopped);
    const id = await world.engine.run(runRequest("hello"));
    await untilPhase(world.engine, id, "execution.started");
    expect(await world.engine.cancel(id)).toBe("cancelled");
    expect((await follow(world.engine, id)).at(-1)?.type).toBe("execution.cancelled");
  });

  test("a worker that does not put its task down cannot keep it from being cancelled", async () => {
    await using world = await createWorld();
    world.apply("hello");
    const end = new AbortController();
    world.work(async () => {
      await untilAborted(end.signal);
      return { phase: "succeeded", output: "too late", tokens: { input: 0, output: 0 } };
    });
    const id = await world.engine.run(runRequest("hello"));
    await untilPhase(world.engine, id, "execution.started");
    expect(await world.engine.cancel(id)).toBe("cancelled");
    end.abort();
    expect(await world.engine.get(id)).toMatchObject({ phase: "cancelled", output: null });
  });

  test("a terminal phase never changes: cancelling what has ended changes nothing", async () => {
    await using world = await createWorld();
    world.apply("hello");
    world.work(answerWith("done"));
    const id = await world.engine.run(runRequest("hello"));
    const before = await follow(world.engine, id);
    expect(await world.engine.cancel(id)).toBe("succeeded");
    expect(await world.engine.cancel(id)).toBe("succeeded");
    expect(await follow(world.engine, id)).toEqual(before);
  });

  test("two cancels at once end it once", async () => {
    await using world = await createWorld();
    world.apply("hello");
    world.work(workUntilStopped);
    const id = await world.engine.run(runRequest("hello"));
    await untilPhase(world.engine, id, "execution.started");
    expect(await Promise.all([world.engine.cancel(id), world.engine.cancel(id)])).toEqual(["cancelled", "cancelled"]);
    const terminal = (await follow(world.engine, id)).filter(({ type }) => type === "execution.cancelled");
    expect(terminal).toHaveLength(1);
  });

  test("an execution over its time ends timed_out, by the smallest of the limits", async () => {
    await using world = await createWorld();
    world.apply("hello", { limits: { max_steps: 30, timeout: "1h" } });
    world.work(workUntilStopped);
    const id = await world.engine.run(runRequest("hello", { timeoutMs: 60 }));
    expect((await follow(world.engine, id)).at(-1)?.type).toBe("execution.timed_out");
    expect(await world.engine.get(id)).toMatchObject({ phase: "timed_out", error: { code: "EXECUTION_TIMED_OUT" } });
  });

  test("an execution that no worker is there for does not wait beyond its limit", async () => {
    await using world = await createWorld();
    world.apply("hello");
    const id = await world.engine.run(runRequest("hello", { timeoutMs: 60 }));
    await follow(world.engine, id);
    const { phase, error } = await world.engine.get(id);
    expect(phase).toBe("timed_out");
    expect(error?.message).toContain("No runner took");
  });

  test("an unknown agent is NOT_FOUND with the nearest name", async () => {
    await using world = await createWorld();
    world.apply("pr-reviewer");
    const error = await failure(world.engine.run(runRequest("pr-reviwer")));
    expect(error).toMatchObject({ code: "NOT_FOUND" });
    expect(error.message).toContain("pr-reviewer");
  });

  test("an unknown execution is NOT_FOUND wherever it is named", async () => {
    await using world = await createWorld();
    expect(await failure(world.engine.get("nobody"))).toMatchObject({ code: "NOT_FOUND" });
    expect(await failure(world.engine.cancel("nobody"))).toMatchObject({ code: "NOT_FOUND" });
    expect(await failure(follow(world.engine, "nobody"))).toMatchObject({ code: "NOT_FOUND" });
  });

  test("a required variable without a value is a usage error that names it", async () => {
    await using world = await createWorld();
    world.apply("hello", { env: [{ name: "GITHUB_TOKEN", secret: true, required: true }] });
    const error = await failure(world.engine.run(runRequest("hello")));
    expect(error.code).toBe("USAGE");
    expect(error.message).toContain("GITHUB_TOKEN");
    await world.engine.run(runRequest("hello", { environment: { GITHUB_TOKEN: "x" } }));
  });

  test("a missing key is told by the name of its variable before anything is queued", async () => {
    await using world = await createWorld();
    world.apply("hello", { model: modelOf("anthropic", "claude") });
    const error = await failure(world.engine.run(runRequest("hello")));
    expect(error.code).toBe("LLM_UNAVAILABLE");
    expect(error.message).toContain("ANTHROPIC_API_KEY");
    expect(world.engine.depth()).toEqual({ queued: 0, running: 0 });
  });

  test("a session gives each run what was said before, and a new one begins empty", async () => {
    await using world = await createWorld();
    world.apply("hello");
    const heard: Json[] = [];
    world.work(async (task) => {
      heard.push(task.conversation);
      return { phase: "succeeded", output: `echo ${task.message}`, tokens: { input: 0, output: 0 } };
    });
    for (const message of ["one", "two"]) {
      await follow(world.engine, await world.engine.run(runRequest("hello", { message, sessionId: "s1" })));
    }
    await follow(world.engine, await world.engine.run(runRequest("hello", { sessionId: "s2" })));
    expect(heard).toEqual([
      [],
      [
        { role: "user", text: "one" },
        { role: "assistant", text: "echo one" },
      ],
      [],
    ]);
  });

  test("an execution keeps the definition that it began with", async () => {
    await using world = await createWorld();
    world.apply("hello", { instructions: "old" });
    const id = await world.engine.run(runRequest("hello"));
    world.apply("hello", { instructions: "new" });
    const seen: Json[] = [];
    world.work(async (task) => {
      seen.push(task.definition);
      return { phase: "succeeded", output: null, tokens: { input: 0, output: 0 } };
    });
    await follow(world.engine, id);
    expect(JSON.stringify(seen)).toContain('"instructions":"old"');
  });

  test("executions are listed newest first, in pages that join without gap or repeat", async () => {
    await using world = await createWorld();
    world.apply("hello");
    const ids: string[] = [];
    for (let count = 0; count < 7; count += 1) ids.push(await world.engine.run(runRequest("hello")));
    const listed: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<Engine["list"]>> = await world.engine.list({ limit: 3, cursor, phase: null });
      listed.push(...page.executions.map(({ id }) => id));
      cursor = page.nextCursor;
      // One that comes in between belongs to no later page.
      if (listed.length === 3) await world.engine.run(runRequest("hello"));
    } while (cursor !== null);
    expect(listed).toEqual(ids.toReversed());
    expect(await world.engine.list({ limit: 8, cursor: null, phase: null })).toMatchObject({ nextCursor: null });
  });

  test("the list can be narrowed to a phase, and the depth counts what is unfinished", async () => {
    await using world = await createWorld();
    world.apply("hello");
    const cancelled = await world.engine.run(runRequest("hello"));
    const queued = await world.engine.run(runRequest("hello"));
    await world.engine.cancel(cancelled);
    const list = async (phase: "queued" | "cancelled"): Promise<string[]> =>
      (await world.engine.list({ limit: 10, cursor: null, phase })).executions.map(({ id }) => id);
    expect(await list("queued")).toEqual([queued]);
    expect(await list("cancelled")).toEqual([cancelled]);
    expect(world.engine.depth()).toEqual({ queued: 1, running: 0 });
    world.work(workUntilStopped);
    await untilPhase(world.engine, queued, "execution.started");
    expect(world.engine.depth()).toEqual({ queued: 0, running: 1 });
  });

  test("a secret is in no event, step, output or error, though the worker forgot to mask it", async () => {
    await using world = await createWorld();
    world.apply("hello", { env: [{ name: "TOKEN", secret: true, required: true }] });
    const environments: Json[] = [];
    world.work(async (task, { deliver }) => {
      environments.push(task.environment);
      await deliver(
        event(1, 0, "tool.completed", { tool: "shell", callId: "1", ok: true, output: "it is hunter2-secret!" }),
        {
          kind: "step",
          step: 1,
          phase: "finished",
          record: { kind: "tool", callId: "1", tool: "shell", arguments: {}, ok: true, output: "hunter2-secret" },
        },
      );
      return { phase: "succeeded", output: "hunter2-secret", tokens: { input: 0, output: 0 } };
    });
    const id = await world.engine.run(runRequest("hello", { environment: { TOKEN: "hunter2-secret" } }));
    const events = await follow(world.engine, id);
    expect(environments).toEqual([{ TOKEN: "hunter2-secret" }]);
    const told = JSON.stringify([events, await world.engine.get(id)]);
    expect(told).toContain("it is ***!");
    expect(told).not.toContain("hunter2");
  });
}

const never = new AbortController().signal;

async function follow(engine: Engine, id: string, afterSeq = 0): Promise<ExecutionEvent[]> {
  const events: ExecutionEvent[] = [];
  for await (const one of engine.events(id, { afterSeq, follow: true, signal: never })) events.push(one);
  return events;
}

async function untilPhase(engine: Engine, id: string, type: ExecutionEvent["type"]): Promise<void> {
  for await (const one of engine.events(id, { afterSeq: 0, follow: true, signal: never })) {
    if (one.type === type) return;
  }
  throw new Error(`there was no ${type}`);
}

async function failure(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => new Error("it did not fail"),
    (reason: unknown) => reason,
  );
  if (error instanceof AppError) return error;
  throw error;
}

function modelOf(provider: string, name: string): { [key: string]: Json } {
  return {
    provider,
    name,
    base_url: null,
    api_key_env: null,
    temperature: null,
    max_tokens: null,
    script: null,
    delay_ms: 0,
  };
}
