import { type Delivery, type Json, type NodeRun, type Outcome, QUEUES } from "@stigmer/agent-runner/protocol";
import * as v from "valibot";
import type { Store } from "../../store/open.ts";
import { recordItems } from "./record-items.ts";
import { keyOf, type Work } from "./work.ts";

/** How a node run ends; one that was put down has no end of its own, its execution has. */
export type NodeRunOutcome =
  | Extract<Outcome, { phase: "succeeded" }>
  | Omit<Extract<Outcome, { phase: "failed" }>, "tokens">;

/** Parsed from JSON, so its values are nothing else. */
const fields = v.custom<{ [field: string]: Json }>((value) => v.is(v.record(v.string(), v.unknown()), value));

/**
 * Writes the end of a node run: last items, `node.completed`, the run and, unless the execution is being ended, the
 * turn that decides what comes next. One transaction, so that a finished run is never done again and never forgotten.
 * @returns the number of the last event, that of the turn's task when a new one was stored, and the turn that is under
 * way and does not know of this end.
 */
export function endNodeRun(options: {
  store: Store;
  work: Work;
  outcome: NodeRunOutcome;
  items: Delivery[];
  /** RFC 3339. */
  now: string;
}): { lastSeq: number; newTurn: number | null; staleTurn: Work | null } {
  const { store, work, items, now } = options;
  const { execution, run } = work;
  const { number } = execution;
  const end = readEnd(options.outcome);
  return store.transaction(() => {
    const { node, iteration } = store.nodeRuns.get(number, run);
    const result = end.phase === "succeeded" ? { output: end.output } : { error: end.error };
    const data = { node, iteration, ok: end.phase === "succeeded", ...result };
    const lastSeq = store.events.append(number, recordItems(store, work, items), [
      { type: "node.completed", time: now, data },
    ]);
    store.nodeRuns.end(number, run, { ...end, endedAt: now });
    store.tasks.delete(keyOf(work));
    return { lastSeq, ...(execution.stopping === null ? askForTurn(store, work) : NO_TURN) };
  });
}

const NO_TURN = { newTurn: null, staleTurn: null };

/** A turn that waits will see this end, one that is leased may not: another comes after it. */
function askForTurn(store: Store, { execution }: Work): { newTurn: number | null; staleTurn: Work | null } {
  const turn = execution.works.get(0);
  if (turn === undefined) {
    return { ...NO_TURN, newTurn: store.tasks.insert({ execution: execution.number, run: 0, queue: QUEUES.workflow }) };
  }
  if (turn.lease === null) return NO_TURN;
  store.tasks.markStale(keyOf(turn));
  return { ...NO_TURN, staleTurn: turn };
}

function readEnd(outcome: NodeRunOutcome): Pick<NodeRun, "output" | "error"> & { phase: "succeeded" | "failed" } {
  if (outcome.phase === "failed") return { phase: "failed", output: null, error: outcome.error };
  const output = v.safeParse(fields, outcome.output);
  if (output.success) return { phase: "succeeded", output: output.output, error: null };
  const error = { code: "INTERNAL", message: "The runner ended the node without a value for each of its outputs" };
  return { phase: "failed", output: null, error };
}
