import { readdir, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { agent, type RunnerRig, startRunner } from "../../support/agent-runner-rig.ts";
import { FakeBackend } from "../../support/fake-backend.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const HELLO = agent({ model: { provider: "scripted", script: [{ text: "Hello" }] } });
const SLOW = agent({ model: { provider: "scripted", delay_ms: 60_000, script: [{ text: "one two three" }] } });

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let backend: FakeBackend;
let runner: RunnerRig;

beforeEach(async () => {
  directory = await temporaryDirectory();
  backend = await FakeBackend.start();
  runner = await startRunner(backend, { directory: directory.path });
});

afterEach(async () => {
  await runner.stop();
  await backend.crash();
  await directory[Symbol.asyncDispose]();
});

describe("a runner's boot", () => {
  test("tells the server who it is and that its workspace can be written", async () => {
    expect(backend.hellos).toEqual([
      {
        runnerId: "the-runner",
        queue: "agent_execution_runner",
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        pid: process.pid,
        concurrency: 4,
        workspace: { path: directory.file("workspace"), writable: true, reason: null },
      },
    ]);
    expect(await readdir(directory.file("workspace"))).toEqual([]);
  });

  test("logs version, role, queue, engine, model and workspace, then connected, then polling", () => {
    const [first, ...others] = runner.lines;
    expect(first).toMatch(/version|stigmer runner \d/);
    for (const part of ["role agent", "agent_execution_runner", backend.url, "model", directory.file("workspace")]) {
      expect(first).toContain(part);
    }
    expect(others).toEqual(["INFO connected", "INFO polling agent_execution_runner"]);
    expect(runner.lines.join("\n")).not.toContain(backend.token);
  });
});

describe("a session", () => {
  test("asks for no more tasks than it has places for", async () => {
    const ids = [backend.enqueue({ definition: SLOW })];
    await backend.until("a poll for the other places", () => backend.polls.at(-1)?.capacity === 3);
    for (let more = 0; more < 5; more += 1) ids.push(backend.enqueue({ definition: SLOW }));
    await backend.until("four to run", () => ids.filter((id) => backend.items(id).length > 0).length === 4);
    expect(Math.min(...backend.polls.map(({ capacity }) => capacity))).toBeGreaterThan(0);
    for (const id of ids) backend.cancel(id);
    for (const id of ids) expect(await backend.outcome(id)).toEqual({ phase: "cancelled" });
  });

  test("outlives the server: lost and connected are logged once each, and work goes on", async () => {
    await backend.crash();
    await expect.poll(() => runner.lines.join("\n"), { timeout: 15_000 }).toContain("connection lost");
    await backend.listen();
    expect(await backend.outcome(backend.enqueue({ definition: HELLO }))).toMatchObject({ phase: "succeeded" });
    const connection = runner.lines.filter((line) => /connect/.test(line));
    expect(connection).toEqual(["INFO connected", expect.stringMatching(/^WARN connection lost: /), "INFO connected"]);
  });

  test("delivers what the server missed while it was away, once and in order", async () => {
    const words = Array.from({ length: 40 }, (_, at) => `w${at}`).join(" ");
    const id = backend.enqueue({
      definition: agent({ model: { provider: "scripted", delay_ms: 3_000, script: [{ text: words }] } }),
    });
    const release = backend.holdDeliveries(id);
    await backend.until("a held delivery", () => backend.waitingDeliveries(id) === 1);
    const polls = backend.polls.length;
    await backend.until("words to gather meanwhile", () => backend.polls.length > polls + 1);
    await backend.crash();
    release();
    await backend.listen();
    expect(await backend.outcome(id)).toMatchObject({ phase: "succeeded", output: words });
    const deltas = backend.events(id).filter(({ type }) => type === "message.delta");
    expect(deltas.map(({ data }) => data["text"]).join("")).toBe(words);
    expect(deltas.map(({ index }) => index)).toEqual(deltas.map((_, at) => at + 1));
  });

  test("says hello again to a server that does not know it", async () => {
    backend.forgetSessions();
    const id = backend.enqueue({ definition: HELLO });
    // The held poll is answered under the old session; the next call tells the runner.
    await backend.until("a second hello", () => backend.hellos.length === 2);
    backend.enqueueAgain(id, { definition: HELLO });
    expect(await backend.outcome(id)).toMatchObject({ phase: "succeeded" });
  });

  test("reads the token again when the server refuses it", async () => {
    backend.token = "another-token";
    await writeFile(directory.file("token"), "another-token\n");
    expect(await backend.outcome(backend.enqueue({ definition: HELLO }))).toMatchObject({ phase: "succeeded" });
    const again = backend.enqueue({ definition: HELLO });
    expect(await backend.outcome(again)).toMatchObject({ phase: "succeeded" });
  });

  test("stops a task whose lease is another's, and reports nothing more of it", async () => {
    const id = backend.enqueue({ definition: SLOW });
    await backend.until("its start", () => backend.items(id).length > 0);
    backend.takeLease(id);
    const polls = backend.polls.length;
    await backend.until("the place to be free", () =>
      backend.polls.slice(polls).some(({ capacity }) => capacity === 4),
    );
    expect(backend.hasOutcome(id)).toBe(false);
    expect(runner.lines).toContainEqual(expect.stringContaining("put down (lost)"));
  });

  test("gives its leases back when it is stopped", async () => {
    const id = backend.enqueue({ definition: SLOW });
    await backend.until("its start", () => backend.items(id).length > 0);
    await runner.stop();
    expect(backend.byes).toEqual(["session-1"]);
    expect(backend.hasOutcome(id)).toBe(false);
  });

  test("sends in parts what is too much for one request", async () => {
    backend.maxBodyBytes = 5_000;
    const words = Array.from({ length: 400 }, (_, at) => `w${at}`).join(" ");
    const id = backend.enqueue({ definition: agent({ model: { provider: "scripted", script: [{ text: words }] } }) });
    expect(await backend.outcome(id)).toMatchObject({ phase: "succeeded", output: words });
    const deltas = backend.events(id).filter(({ type }) => type === "message.delta");
    expect(deltas.map(({ data }) => data["text"]).join("")).toBe(words);
  });

  test("ends a task as failed when what it has to tell is too much for any request", async () => {
    backend.maxBodyBytes = 5_000;
    const text = "x".repeat(6_000);
    const id = backend.enqueue({ definition: agent({ model: { provider: "scripted", script: [{ text }] } }) });
    expect(await backend.outcome(id)).toEqual({
      phase: "failed",
      error: { code: "EXECUTION_FAILED", message: "The server refused what the runner had to report: fake: USAGE" },
      tokens: { input: 0, output: 0 },
    });
  });

  test("ends a task whose code throws as failed, so that it is not leased for ever", async () => {
    // A task of no kind at all: reading its parts throws before the execution begins.
    const id = backend.enqueue({ definition: HELLO, steps: null as never });
    expect(await backend.outcome(id)).toMatchObject({ phase: "failed", error: { code: "INTERNAL" } });
    expect(runner.lines).toContainEqual(expect.stringMatching(/^ERROR this is a bug: /));
  });
});
