import { QUEUES } from "@stigmer/agent-runner/protocol";
import { expect, test } from "vitest";
import { createLiveExecution, type LiveExecution } from "../../../src/engine/embedded/live-execution.ts";
import { ReadyQueue } from "../../../src/engine/embedded/ready-queue.ts";
import { createNewWork, type Work } from "../../../src/engine/embedded/work.ts";
import { ManualClock } from "../../support/manual-clock.ts";

let lastNumber = 0;

test("tasks of different executions are given in the order in which they came, whatever order they are added in", () => {
  const queue = new ReadyQueue();
  const works = [1, 2, 3].map(() => workOf(execution()));
  for (const work of works.toReversed()) queue.add(work);
  expect(queue.next(QUEUES.agent, 2)).toEqual(works.slice(0, 2));
});

test("of a wide execution and narrow ones each gets a place before the wide one gets its second", () => {
  const queue = new ReadyQueue();
  const wide = execution();
  const branches = [1, 2, 3, 4].map((run) => workOf(wide, run));
  const others = [workOf(execution()), workOf(execution())];
  for (const work of [...branches, ...others]) queue.add(work);
  expect(queue.next(QUEUES.agent, 4)).toEqual([branches[0], ...others, branches[1]]);
});

test("what runners hold already counts, and an execution alone gets every place", () => {
  const queue = new ReadyQueue();
  const wide = execution();
  for (const run of [1, 2]) hold(workOf(wide, run));
  const waiting = [3, 4, 5].map((run) => workOf(wide, run));
  for (const work of waiting) queue.add(work);
  expect(queue.next(QUEUES.agent, 3)).toEqual(waiting);
  const late = workOf(execution());
  queue.add(late);
  expect(queue.next(QUEUES.agent, 1)).toEqual([late]);
});

test("what was taken out is given to nobody, and queues are apart", () => {
  const queue = new ReadyQueue();
  const work = workOf(execution());
  queue.add(work);
  expect(queue.next(QUEUES.workflow, 1)).toEqual([]);
  queue.remove(work);
  expect(queue.next(QUEUES.agent, 1)).toEqual([]);
});

test("ten thousand waiting branches of one execution are looked at once a place", () => {
  const queue = new ReadyQueue();
  const wide = execution();
  let looks = 0;
  hold(workOf(wide, 20_000));
  const works = Array.from({ length: 10_000 }, (_, index) => workOf(wide, index + 1));
  for (const work of works) queue.add(work);
  const values = wide.works.values.bind(wide.works);
  Object.assign(wide.works, {
    values: () => {
      looks += 1;
      return values();
    },
  });
  expect(queue.next(QUEUES.agent, 4)).toHaveLength(4);
  expect(looks).toBe(1);
});

function execution(): LiveExecution {
  lastNumber += 1;
  const row = { execution: lastNumber, id: `e${lastNumber}`, kind: "workflow" as const, limitMs: 1_000 };
  return createLiveExecution(
    { ...row, conversationId: null, elapsedMs: 0, environment: {}, lastSeq: 1 },
    { clock: new ManualClock(), onTimeUp: () => {} },
  );
}

function workOf(live: LiveExecution, run = 1): Work {
  lastNumber += 1;
  return createNewWork(live, { number: lastNumber, run, queue: QUEUES.agent });
}

function hold(work: Work): void {
  work.lease = { id: "l", sessionId: "s", expiry: { cancel: () => {} } };
}
