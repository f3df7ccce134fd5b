import { describe, expect, test } from "vitest";
import type { WorkflowDefinition, WorkflowEdge } from "../../../agent-runner/src/definitions/workflow-definition.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { type Flow, loop, next, type Results, routes, walk, workflow } from "../../support/workflow-flow.ts";

const GRAPHS = 30;
const ORDERS = 5;
/** Pure computation, but much of it for a machine under load. */
const LIMIT_MS = 30_000;
/** The routes of a random graph stop going back after this many runs of their node. */
const PATIENCE = 2;

const LANES = 3;

type Random = () => number;

describe("in whatever order the runs of a random workflow end", () => {
  const seeds = Array.from({ length: GRAPHS }, (_, index) => index + 1);

  test(
    "the final state is the same, each run sees the same state, and the flow comes to an end",
    () => {
      let forked = 0;
      for (const seed of seeds) {
        const definition = randomWorkflow(seededRandom(seed));
        const [first, ...others] = Array.from({ length: ORDERS }, (_, order) => play(definition, seed, order));
        if (first === undefined) throw new Error("no order at all");
        expect(first.flow.last.kind, `seed ${seed}`).toBe("finish");
        for (const other of others) {
          expect(other.flow.last, `seed ${seed}`).toEqual(first.flow.last);
          expect(other.seen, `seed ${seed}`).toEqual(first.seen);
        }
        if (first.flow.told.some((turn) => turn.includes(", "))) forked += 1;
      }
      // Otherwise the graphs would be too simple to show anything.
      expect(forked).toBeGreaterThan(GRAPHS / 2);
    },
    LIMIT_MS,
  );

  test(
    "no node of a workflow without a way back runs twice",
    () => {
      for (const seed of seeds) {
        const { flow } = play(randomWorkflow(seededRandom(seed), { goesBack: false }), seed, 1);
        const names = flow.runs.map(({ node }) => node);
        expect([...names].sort(), `seed ${seed}`).toEqual([...new Set(names)].sort());
      }
    },
    LIMIT_MS,
  );

  test(
    "run numbers have no gap and no repeat",
    () => {
      for (const seed of seeds.slice(0, 50)) {
        const { flow } = play(randomWorkflow(seededRandom(seed)), seed, 2);
        expect(flow.runs.map(({ run }) => run)).toEqual(flow.runs.map((_, index) => index + 1));
      }
    },
    LIMIT_MS,
  );
});

interface Played {
  flow: Flow;
  /** The state that each run was asked with, by node and iteration. */
  seen: Record<string, unknown>;
}

/** `order` 0 ends the oldest run first, 1 the newest, any other those that chance chooses, several in one turn too. */
function play(definition: WorkflowDefinition, seed: number, order: number): Played {
  const chance = seededRandom(seed * 1000 + order);
  const seen: Record<string, unknown> = {};
  const end = (open: number): number[] => {
    if (order === 0) return [0];
    if (order === 1) return [open - 1];
    const chosen = Array.from({ length: open }, (_, index) => index).filter(() => chance() < 0.4);
    return chosen.length === 0 ? [Math.floor(chance() * open)] : chosen;
  };
  const flow = walk(definition, {
    end,
    results: (run) => {
      seen[`${run.node} ${run.iteration}`] = run.state;
      return answer(run, seed);
    },
  });
  return { flow, seen };
}

/** What a node writes follows from its name, its iteration and what it sees, and never from when it is asked. */
function answer({ node, iteration, state }: Parameters<Results>[0], seed: number): ReturnType<Results> {
  const chance = seededRandom(hash(`${seed} ${node} ${iteration} ${JSON.stringify(state)}`));
  const shared = `f${Math.floor(chance() * 3)}`;
  return {
    [shared]: `${node}.${iteration}`,
    pick: Math.floor(chance() * 3),
    done: chance() < 0.5,
    [`patience_${node}`]: iteration >= PATIENCE,
  };
}

/**
 * Nodes in three lanes with edges along their lane, now and then to a later node of another, to END and, only while
 * there is patience, to earlier ones. Without lanes a fork's branches would mostly lead into each other.
 */
function randomWorkflow(chance: Random, { goesBack = true } = {}): WorkflowDefinition {
  const count = 6 + Math.floor(chance() * 9);
  const names = Array.from({ length: count }, (_, index) => `n${index}`);
  const along = (index: number) => names[index + LANES * (1 + Math.floor(chance() * 2))] ?? "END";
  const across = (index: number) => names[index + 1 + Math.floor(chance() * (count - index))] ?? "END";
  const later = (index: number) => (chance() < 0.75 ? along(index) : across(index));
  const anywhere = (index: number) => (goesBack ? names[Math.floor(chance() * count)] : later(index)) ?? "END";
  const several = (index: number) => [
    ...new Set(Array.from({ length: 2 + Math.floor(chance() * 3) }, () => later(index))),
  ];
  const edges: WorkflowEdge[] = [next("START", ...names.slice(0, LANES))];
  for (const [index, name] of names.entries()) {
    const kind = chance();
    if (kind < 0.3) edges.push(next(name, ...several(index)));
    else if (kind < 0.6) edges.push(next(name, later(index)));
    else if (kind < 0.7 && goesBack) edges.push(loop(name, 1 + Math.floor(chance() * 3), "done", later(index)));
    else {
      edges.push(
        routes(name, {
          [`patience_${name} and pick == 0`]: later(index),
          [`patience_${name}`]: later(index),
          "pick == 1": anywhere(index),
          default: later(index),
        }),
      );
    }
  }
  const fields = ["f0", "f1", "f2", "pick", "done", ...names.map((name) => `patience_${name}`)];
  return workflow(edges, fields);
}

function hash(text: string): number {
  let value = 2_166_136_261;
  for (const character of text) value = Math.imul(value ^ character.charCodeAt(0), 16_777_619);
  return value;
}
