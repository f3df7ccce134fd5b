import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type AdvanceRequest,
  type AgentTask,
  type CompleteRequest,
  type Decision,
  type DeliverRequest,
  type Delivery,
  type EventDelivery,
  type HeartbeatRequest,
  type HelloRequest,
  LEASE_MS,
  type NodeTask,
  type Outcome,
  type PollRequest,
  type Task,
  type WorkflowTask,
} from "@stigmer/agent-runner/protocol";

const WAIT_LIMIT_MS = 20_000;
/** Short, so that a test need not wait long for the next poll. */
const POLL_HOLD_MS = 1_000;

/** What a task is given to work with, when its test says nothing else. */
const EQUIPMENT = {
  defaults: { provider: "scripted", model: "none", baseUrl: null, apiKeyEnv: null },
  steps: [],
  environment: {},
  keys: {},
  secrets: [],
};

/** The server's half of the runner protocol, in memory; tests put tasks in, break it, and read what was reported. */
export class FakeBackend {
  token = "a-token";
  /** Every hello, oldest first. */
  readonly hellos: HelloRequest[] = [];
  readonly polls: PollRequest[] = [];
  readonly byes: string[] = [];
  /** Items by execution, each once, in the order of their arrival. */
  readonly #items = new Map<string, Delivery[]>();
  readonly #outcomes = new Map<string, Outcome>();
  readonly #decisions = new Map<string, Decision>();
  readonly #sessions = new Set<string>();
  readonly #leases = new Map<string, { task: Task; sessionId: string }>();
  readonly #cancels = new Map<string, "cancelled" | "timed_out">();
  readonly #held = new Map<string, { waiting: number; released: Promise<void> }>();
  readonly #queue: Task[] = [];
  readonly #heldPolls = new Set<() => void>();
  readonly #watchers = new Set<() => void>();
  /** The largest body that is taken, in bytes. */
  maxBodyBytes = Number.POSITIVE_INFINITY;
  #server: Server | null = null;
  #port = 0;
  #count = 0;

  static async start(): Promise<FakeBackend> {
    const backend = new FakeBackend();
    await backend.listen();
    return backend;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Listens, after a {@link crash} on the same port again. */
  async listen(): Promise<void> {
    const server = createServer((request, response) => void this.#handle(request, response));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Cuts all connections and stops to listen; what was told before is kept. */
  async crash(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  /** The server no longer knows any session or lease, as after a start on an empty database. */
  forgetSessions(): void {
    this.#sessions.clear();
    this.#leases.clear();
  }

  /** The lease is another's by now. */
  takeLease(executionId: string): void {
    for (const [leaseId, { task }] of this.#leases) {
      if (task.executionId === executionId) this.#leases.delete(leaseId);
    }
  }

  /** Leaves deliveries of this execution unanswered, and unread, until the returned function is called. */
  holdDeliveries(executionId: string): () => void {
    const held = { waiting: 0, released: Promise.resolve() };
    let release = () => {};
    held.released = new Promise((resolve) => {
      release = resolve;
    });
    this.#held.set(executionId, held);
    return () => {
      this.#held.delete(executionId);
      release();
    };
  }

  /** How many deliveries of this execution wait for their answer. */
  waitingDeliveries(executionId: string): number {
    return this.#held.get(executionId)?.waiting ?? 0;
  }

  cancel(executionId: string, reason: "cancelled" | "timed_out" = "cancelled"): void {
    this.#cancels.set(executionId, reason);
  }

  /** Queues a task; what the test leaves out is harmless. Returns the execution's id. */
  enqueue(task: Partial<AgentTask> & { definition: AgentTask["definition"] }): string {
    return this.#push({ kind: "agent", ...this.#lease(), ...EQUIPMENT, message: "Start.", conversation: [], ...task });
  }

  /** Queues a run of one node of a workflow. Returns the execution's id. */
  enqueueNode(task: Partial<NodeTask> & Pick<NodeTask, "definition" | "node">): string {
    const run = { run: 1, iteration: 1, earlierCalls: 0, state: {} };
    return this.#push({ kind: "node", ...this.#lease(), ...EQUIPMENT, ...run, ...task });
  }

  /** Queues a turn of a workflow. Returns the execution's id. */
  enqueueTurn(task: Partial<WorkflowTask> & Pick<WorkflowTask, "definition">): string {
    return this.#push({ kind: "workflow", ...this.#lease(), input: {}, runs: [], ...task });
  }

  #lease() {
    this.#count += 1;
    const number = this.#count;
    const ids = { taskId: `task-${number}`, leaseId: "", executionId: `execution-${number}` };
    return { ...ids, attempt: 1, remainingMs: 60_000 };
  }

  #push(task: Task): string {
    this.#queue.push(task);
    for (const wake of this.#heldPolls) wake();
    return task.executionId;
  }

  /** Queues what is left of an execution whose runner died: the steps that were recorded, under a new lease. */
  enqueueAgain(executionId: string, task: Partial<AgentTask> & { definition: AgentTask["definition"] }): void {
    const steps = new Map<number, AgentTask["steps"][number]>();
    for (const item of this.items(executionId)) {
      if (item.kind === "step") steps.set(item.step, { step: item.step, phase: item.phase, record: item.record });
    }
    this.takeLease(executionId);
    this.enqueue({ ...task, executionId, attempt: 2, steps: [...steps.values()] });
  }

  items(executionId: string): Delivery[] {
    return this.#items.get(executionId) ?? [];
  }

  events(executionId: string): EventDelivery[] {
    return this.items(executionId).filter((item) => item.kind === "event");
  }

  /** Resolves when the execution is complete. */
  async outcome(executionId: string): Promise<Outcome> {
    await this.until(`the outcome of ${executionId}`, () => this.#outcomes.has(executionId));
    const outcome = this.#outcomes.get(executionId);
    if (outcome === undefined) throw new Error("unreachable");
    return outcome;
  }

  /** Resolves when a turn of the execution has come to its decision. */
  async decision(executionId: string): Promise<Decision> {
    await this.until(`the decision of ${executionId}`, () => this.#decisions.has(executionId));
    const decision = this.#decisions.get(executionId);
    if (decision === undefined) throw new Error("unreachable");
    return decision;
  }

  hasOutcome(executionId: string): boolean {
    return this.#outcomes.has(executionId);
  }

  /** Resolves when `holds` does, which is asked after every request. */
  async until(what: string, holds: () => boolean): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#watchers.delete(check);
        reject(new Error(`waited ${WAIT_LIMIT_MS} ms for ${what}`));
      }, WAIT_LIMIT_MS);
      const check = () => {
        if (!holds()) return;
        clearTimeout(timer);
        this.#watchers.delete(check);
        resolve();
      };
      this.#watchers.add(check);
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const answer = (status: number, body: object) => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      for (const check of [...this.#watchers]) check();
    };
    const refuse = (status: number, code: string) => answer(status, { error: { code, message: `fake: ${code}` } });
    if (request.headers.authorization !== `Bearer ${this.token}`) return refuse(401, "unauthorized");
    if (chunks.reduce((size, { length }) => size + length, 0) > this.maxBodyBytes) return refuse(413, "USAGE");
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    const path = (request.url ?? "").replace("/v1/runner/", "");
    if (path === "sessions") return answer(200, this.#greet(body as HelloRequest));
    if (!this.#sessions.has((body as { sessionId: string }).sessionId)) return refuse(404, "session_unknown");
    switch (path) {
      case "poll":
        this.polls.push(body as PollRequest);
        return await this.#poll(body as PollRequest, response, answer);
      case "heartbeat":
        return answer(200, this.#heartbeat(body as HeartbeatRequest));
      case "deliver":
        await this.#waitWhileHeld(body as DeliverRequest);
        return this.#deliver(body as DeliverRequest) ? answer(200, {}) : refuse(409, "lease_lost");
      case "complete": {
        const { leaseId, outcome } = body as CompleteRequest;
        const task = this.#leases.get(leaseId)?.task;
        if (task === undefined || !this.#deliver(body as CompleteRequest)) return refuse(409, "lease_lost");
        this.#leases.delete(leaseId);
        this.#outcomes.set(task.executionId, outcome);
        return answer(200, {});
      }
      case "advance": {
        const { leaseId, decision } = body as AdvanceRequest;
        const task = this.#leases.get(leaseId)?.task;
        if (task?.kind !== "workflow") return refuse(409, "lease_lost");
        this.#leases.delete(leaseId);
        this.#decisions.set(task.executionId, decision);
        return answer(200, {});
      }
      case "bye":
        this.byes.push((body as { sessionId: string }).sessionId);
        return answer(200, {});
      default:
        return refuse(404, "not_found");
    }
  }

  #greet(hello: HelloRequest): object {
    this.hellos.push(hello);
    const sessionId = `session-${this.hellos.length}`;
    this.#sessions.add(sessionId);
    return { sessionId, leaseMs: LEASE_MS, pollMs: POLL_HOLD_MS, serverVersion: "0.0.0-fake" };
  }

  async #poll(poll: PollRequest, response: ServerResponse, answer: (status: number, body: object) => void) {
    for (const check of [...this.#watchers]) check();
    if (this.#queue.length === 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, POLL_HOLD_MS);
        const wake = () => {
          clearTimeout(timer);
          this.#heldPolls.delete(wake);
          resolve();
        };
        this.#heldPolls.add(wake);
        response.once("close", wake);
      });
    }
    if (response.socket?.destroyed !== false) return; // Its runner would never hear of the tasks.
    const tasks = this.#queue.splice(0, poll.capacity).map((task) => {
      this.#count += 1;
      const leased = { ...task, leaseId: `lease-${this.#count}` };
      this.#leases.set(leased.leaseId, { task: leased, sessionId: poll.sessionId });
      return leased;
    });
    answer(200, { tasks });
  }

  async #waitWhileHeld({ leaseId }: DeliverRequest): Promise<void> {
    const held = this.#held.get(this.#leases.get(leaseId)?.task.executionId ?? "");
    if (held === undefined) return;
    held.waiting += 1;
    for (const check of [...this.#watchers]) check();
    await held.released;
  }

  #heartbeat({ leaseIds }: HeartbeatRequest): object {
    const cancel: { leaseId: string; reason: string }[] = [];
    for (const leaseId of leaseIds) {
      const reason = this.#cancels.get(this.#leases.get(leaseId)?.task.executionId ?? "");
      if (reason !== undefined) cancel.push({ leaseId, reason });
    }
    return { cancel, lost: leaseIds.filter((leaseId) => !this.#leases.has(leaseId)) };
  }

  #deliver({ leaseId, items }: DeliverRequest): boolean {
    const executionId = this.#leases.get(leaseId)?.task.executionId;
    if (executionId === undefined) return false;
    const held = this.#items.get(executionId) ?? [];
    const known = new Set(held.map(identify));
    held.push(...items.filter((item) => !known.has(identify(item))));
    this.#items.set(executionId, held);
    return true;
  }
}

function identify(item: Delivery): string {
  return item.kind === "event" ? `event ${item.step} ${item.index}` : `step ${item.step} ${item.phase}`;
}
