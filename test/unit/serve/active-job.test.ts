import { expect, test } from "vitest";
import type { NewEvent } from "../../../agent-runner/src/event-log/events.ts";
import type { Decision, NodeTask } from "../../../agent-runner/src/protocol/messages.ts";
import { ActiveJob } from "../../../agent-runner/src/serve/jobs/active-job.ts";
import { createEventBell } from "../../../agent-runner/src/serve/jobs/event-bell.ts";
import type { Interpreter } from "../../../agent-runner/src/serve/jobs/interpreter.ts";
import { JobJournal } from "../../../agent-runner/src/serve/jobs/job-journal.ts";
import { observeWith } from "../../../agent-runner/src/serve/jobs/job-observer.ts";
import type { Job } from "../../../agent-runner/src/serve/store/jobs-table.ts";
import type { Store } from "../../../agent-runner/src/serve/store/open-store.ts";
import type { TaskChannel } from "../../../agent-runner/src/session/task-channel.ts";

const WORKFLOW = { workflow: {}, agents: {} };
const NO_TOKENS = { input: 0, output: 0 };

class DiskFull extends Error {
  readonly code = "ERR_SQLITE_ERROR";
}

/** A store that keeps only what a test asks for, whose commits fail where a test says so. */
class FakeStore {
  readonly events: NewEvent[] = [];
  readonly ended: string[] = [];
  commits = 0;
  failAtCommit: number | null = null;
  #depth = 0;

  asStore(): Store {
    return {
      transaction: <T>(work: () => T): T => this.#transaction(work),
      flush: async () => {},
      jobs: {
        markRunning() {},
        noteElapsed() {},
        end: (_: number, { status }: { status: string }) => this.ended.push(status),
      },
      runs: { list: () => [], add() {}, end() {}, modelCalls: () => 0 },
      steps: { record() {}, list: () => [] },
      events: {
        lastSeq: () => 1,
        append: (_: number, lastSeq: number, events: NewEvent[]) => {
          this.events.push(...events);
          return lastSeq + events.length;
        },
      },
    } as unknown as Store; // The rest of it is nothing that a job at work asks for.
  }

  #transaction<T>(work: () => T): T {
    this.#depth += 1;
    try {
      const result = work();
      if (this.#depth > 1) return result;
      this.commits += 1;
      if (this.commits === this.failAtCommit) throw new DiskFull("database or disk is full");
      return result;
    } finally {
      this.#depth -= 1;
    }
  }
}

interface RigOptions {
  advance?: Interpreter["advance"];
  runNode?: (task: NodeTask, channel: TaskChannel) => Promise<void>;
}

function rig({ advance = oneNode, runNode = succeed }: RigOptions = {}) {
  const store = new FakeStore();
  const logged: string[] = [];
  const log = {
    debug() {},
    info() {},
    warn: (message: string) => logged.push(message),
    error: (message: string) => logged.push(message),
  };
  const job: Job = {
    number: 1,
    id: "job-1",
    status: "pending",
    isCancelAsked: false,
    createdAt: 0,
    startedAt: null,
    completedAt: null,
    elapsedMs: 0,
    idempotencyKey: null,
    bodyDigest: "",
    workflow: "",
    error: null,
  };
  const interpreter: Interpreter = {
    advance,
    runNode,
    limitMs: () => 60_000,
    surroundings: () => ({
      defaults: { provider: "scripted", model: "", baseUrl: null, apiKeyEnv: null },
      environment: {},
      keys: {},
      secrets: [],
    }),
  };
  const journal = new JobJournal({
    job,
    store: store.asStore(),
    bell: createEventBell(),
    observer: observeWith([], () => {}),
    log,
  });
  const active = new ActiveJob({
    job,
    input: {},
    workflow: WORKFLOW,
    store: store.asStore(),
    journal,
    interpreter,
    log,
  });
  return { store, job, active, logged, types: () => store.events.map(({ type }) => type) };
}

const oneNode: Interpreter["advance"] = (_, __, runs): Decision => {
  const [run] = runs;
  if (run === undefined) return { kind: "run", runs: [{ run: 1, node: "a", iteration: 1, state: {} }] };
  return run.phase === "open" ? { kind: "run", runs: [] } : { kind: "finish", output: run.output ?? {} };
};

const succeed = (_: NodeTask, channel: TaskChannel): Promise<void> =>
  channel.complete({ phase: "succeeded", output: { text: "done" }, tokens: NO_TOKENS });

test("a job is begun, run and ended in two transactions", async () => {
  const { store, active, job, types } = rig();
  expect(await active.work()).toBe("ended");
  expect(types()).toEqual(["execution.started", "node.started", "node.completed", "execution.succeeded"]);
  expect([store.commits, store.ended, job.status]).toEqual([2, ["completed"], "completed"]);
});

test.each([1, 2])("a job whose commit number %i fails is put down, whatever memory holds by then", async (commit) => {
  const { store, active, logged } = rig();
  store.failAtCommit = commit;
  expect(await active.work()).toBe("put-down");
  expect(logged.join()).toContain("cannot go on for now");
});

test("a mistake of ours ends the job as failed, and is not tried again", async () => {
  const { active, job, store, logged } = rig({ runNode: () => Promise.reject(new TypeError("x is not a function")) });
  expect(await active.work()).toBe("ended");
  expect([store.ended, job.error?.code]).toEqual([["failed"], "INTERNAL"]);
  expect(job.error?.message).not.toContain("x is not");
  expect(logged.join()).toContain("this is a bug");
});

test("a node that fails ends the other branches, and the job once they are gone", async () => {
  const order: string[] = [];
  const { active, store, types } = rig({
    advance: (_, __, runs) => {
      if (runs.length === 0) {
        return {
          kind: "run",
          runs: ["slow", "bad"].map((node, at) => ({ run: at + 1, node, iteration: 1, state: {} })),
        };
      }
      const failed = runs.find(({ phase }) => phase === "failed");
      if (failed?.error) return { kind: "fail", error: failed.error, node: failed.node };
      return { kind: "run", runs: [] };
    },
    runNode: async ({ node }, channel) => {
      if (node === "bad") {
        const error = { code: "EXECUTION_FAILED", message: "no" };
        return channel.complete({ phase: "failed", error, tokens: NO_TOKENS });
      }
      await new Promise((resolve) => channel.signal.addEventListener("abort", resolve));
      order.push("slow is gone");
      return channel.complete({ phase: "cancelled" });
    },
  });
  expect(await active.work()).toBe("ended");
  order.push(...store.ended);
  expect(order).toEqual(["slow is gone", "failed"]);
  expect(types().filter((type) => type.startsWith("execution."))).toEqual(["execution.started", "execution.failed"]);
});

test("a job that is stopped for a shutdown is put down without a terminal event", async () => {
  const { active, store, types } = rig({
    runNode: async (_, channel) => {
      active.stop("shutdown");
      expect(channel.signal.reason).toBe("shutdown");
    },
  });
  expect(await active.work()).toBe("put-down");
  expect([store.ended, types()]).toEqual([[], ["execution.started", "node.started"]]);
});
