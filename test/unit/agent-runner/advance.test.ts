import type { NodeRun } from "@stigmer/agent-runner/protocol";
import { describe, expect, test } from "vitest";
import { advance, MOST_RUNS } from "../../../agent-runner/src/workflow/advance.ts";
import { loop, next, type Results, routes, walk, workflow } from "../../support/workflow-flow.ts";

/** Every node writes the field of its own name. */
const writeName: Results = ({ node, iteration }) => ({ [node]: iteration });

describe("a chain", () => {
  test("runs its nodes one after the other, each with the state of those before it", () => {
    const chain = workflow([next("START", "a"), next("a", "b"), next("b", "END")], ["topic", "a", "b"]);
    const states: object[] = [];
    const { told } = walk(chain, {
      input: { topic: "otters" },
      results: (run) => {
        states.push(run.state);
        return writeName(run);
      },
    });
    expect(told).toEqual(["run 1 a", "run 2 b", 'finish {"topic":"otters","a":1,"b":1}']);
    expect(states).toEqual([{ topic: "otters" }, { topic: "otters", a: 1 }]);
  });

  test("begins with the defaults of its fields, under its input", () => {
    const chain = workflow([next("START", "a"), next("a", "END")], ["kept", "given", "unset"]);
    const { kept, given } = chain.state.fields;
    if (kept !== undefined) kept.default = "default";
    if (given !== undefined) given.default = "default";
    expect(walk(chain, { input: { given: "input" } }).told.at(-1)).toBe('finish {"kept":"default","given":"input"}');
  });

  test("a turn that is taken again asks for nothing a second time", () => {
    const chain = workflow([next("START", "a"), next("a", "END")]);
    let turns = 0;
    // The first turn's run is stored and nothing ends before the next turn.
    const { told } = walk(chain, { end: () => (++turns === 1 ? [] : [0]) });
    expect(told).toEqual(["run 1 a", "wait", "finish {}"]);
  });
});

describe("a fork", () => {
  const names = Array.from({ length: 20 }, (_, index) => `n${index + 1}`);
  const wide = workflow(
    [next("START", "split"), next("split", ...names), ...names.map((name) => next(name, "join")), next("join", "END")],
    [...names, "join"],
  );

  test("of 20 nodes runs all of them at once, and the join once after the last", () => {
    const { told } = walk(wide, { results: writeName });
    expect(told).toEqual([
      "run 1 split",
      names.map((name, index) => `run ${index + 2} ${name}`).join(", "),
      ...Array<string>(19).fill("wait"),
      "run 22 join",
      `finish ${JSON.stringify(Object.fromEntries([...names, "join"].map((name) => [name, 1])))}`,
    ]);
  });

  test("shows no branch what another has written", () => {
    const states = new Map<string, object>();
    walk(wide, {
      results: (run) => {
        states.set(run.node, run.state);
        return writeName(run);
      },
    });
    expect(states.get("n1")).toEqual({});
    expect(states.get("n20")).toEqual({});
    expect(Object.keys(states.get("join") ?? {})).toEqual(names);
  });

  test("keeps the field that several branches write as the last one in its list has it", () => {
    const pair = workflow([next("START", "a", "b"), next("a", "join"), next("b", "join"), next("join", "END")], ["x"]);
    const results: Results = ({ node }) => (node === "join" ? {} : { x: node });
    expect(walk(pair, { results, end: () => [0] }).told.at(-1)).toBe('finish {"x":"b"}');
    expect(walk(pair, { results, end: (open) => [open - 1] }).told.at(-1)).toBe('finish {"x":"b"}');
  });

  test("puts what joins some of its branches where the last of them stood", () => {
    const partly = workflow(
      [next("START", "a", "b", "c"), next("a", "join"), next("c", "join"), next("join", "END"), next("b", "END")],
      ["x"],
    );
    const results: Results = ({ node }) => (node === "join" || node === "b" ? { x: node } : {});
    expect(walk(partly, { results }).told.at(-1)).toBe('finish {"x":"join"}');
  });

  test("keeps what one branch wrote over what the others only had before", () => {
    const pair = workflow([next("START", "a", "b"), next("a", "END"), next("b", "END")], ["x", "y"]);
    const results: Results = ({ node }) => (node === "a" ? { x: "new" } : { y: "new" });
    expect(walk(pair, { input: { x: "old", y: "old" }, results }).told.at(-1)).toBe('finish {"x":"new","y":"new"}');
  });

  test("keeps what was written with knowledge of another branch over what that one wrote", () => {
    const woven = workflow(
      [
        next("START", "a", "b"),
        next("b", "b1", "b2"),
        next("a", "join"),
        next("b1", "join"),
        next("join", "last"),
        next("b2", "last"),
        next("last", "END"),
      ],
      ["x"],
    );
    const results: Results = ({ node }) => (node === "b" || node === "join" ? { x: node } : {});
    expect(walk(woven, { results }).told.at(-1)).toBe('finish {"x":"join"}');
  });

  test("lets a long branch get on while a short one waits at the join", () => {
    const uneven = workflow([
      next("START", "a", "short"),
      next("a", "b"),
      next("b", "join"),
      next("short", "join"),
      next("join", "END"),
    ]);
    expect(walk(uneven, { end: () => [0] }).told).toEqual([
      "run 1 a, run 2 short",
      "run 3 b",
      "wait",
      "run 4 join",
      "finish {}",
    ]);
    expect(walk(uneven, { end: (open) => [open - 1] }).told).toEqual([
      "run 1 a, run 2 short",
      "wait",
      "run 3 b",
      "run 4 join",
      "finish {}",
    ]);
  });

  test("in a fork has its own join, before that of the outer one", () => {
    const nested = workflow([
      next("START", "split", "c"),
      next("split", "a", "b"),
      next("a", "inner"),
      next("b", "inner"),
      next("inner", "outer"),
      next("c", "outer"),
      next("outer", "END"),
    ]);
    expect(walk(nested).told).toEqual([
      "run 1 split, run 2 c",
      "run 3 a, run 4 b",
      "wait",
      "wait",
      "run 5 inner",
      "run 6 outer",
      "finish {}",
    ]);
  });

  test("without a join ends when all of its branches have", () => {
    const open = workflow([next("START", "a", "b", "END"), next("a", "END"), next("b", "END")], ["a", "b"]);
    expect(walk(open, { results: writeName }).told).toEqual(["run 1 a, run 2 b", "wait", 'finish {"a":1,"b":1}']);
  });

  test("is joined without a branch whose route ends early, as soon as that is known", () => {
    const early = workflow(
      [next("START", "a", "b"), routes("a", { stop: "END", default: "join" }), next("b", "join"), next("join", "END")],
      ["stop", "a", "b"],
    );
    const results = (stop: boolean): Results => {
      return (run) => (run.node === "a" ? { ...writeName(run), stop } : writeName(run));
    };
    const lastFirst = (open: number) => [open - 1];
    expect(walk(early, { results: results(true), end: lastFirst }).told).toEqual([
      "run 1 a, run 2 b",
      "wait",
      "run 3 join",
      'finish {"stop":true,"a":1,"b":1}',
    ]);
    expect(walk(early, { results: results(false) }).told).toEqual([
      "run 1 a, run 2 b",
      "wait",
      "run 3 join",
      'finish {"stop":false,"a":1,"b":1}',
    ]);
  });

  test("is joined late by a branch whose route leads past the join and back before the next one", () => {
    const bypass = workflow([
      next("START", "a", "b", "c"),
      routes("a", { "'x' == 'x'": "late", default: "join" }),
      next("b", "join"),
      next("c", "join"),
      next("join", "late"),
      next("late", "END"),
    ]);
    expect(walk(bypass).told).toEqual([
      "run 1 a, run 2 b, run 3 c",
      "wait",
      "wait",
      "run 4 join",
      "run 5 late",
      "finish {}",
    ]);
  });
});

describe("routes", () => {
  const choice = workflow(
    [
      next("START", "grade"),
      routes("grade", { default: "fix", "state.score >= 8": "publish", "score > 4": "polish" }),
      next("publish", "END"),
      next("polish", "END"),
      next("fix", "END"),
    ],
    ["score"],
  );

  test.each([
    [9, "publish"],
    [5, "polish"],
    [1, "fix"],
  ])("with %d lead to %s: the first true one wins, the default wherever it stands is last", (score, target) => {
    const { told } = walk(choice, { results: ({ node }) => (node === "grade" ? { score } : {}) });
    expect(told).toEqual(["run 1 grade", `run 2 ${target}`, `finish {"score":${score}}`]);
  });

  test("back to an earlier node run it again, with a number of its own", () => {
    const review = workflow(
      [next("START", "write"), next("write", "review"), routes("review", { approved: "END", default: "write" })],
      ["approved", "write"],
    );
    const results: Results = (run) => (run.node === "write" ? writeName(run) : { approved: run.iteration === 2 });
    expect(walk(review, { results }).told).toEqual([
      "run 1 write",
      "run 2 review",
      "run 3 write 2",
      "run 4 review 2",
      'finish {"approved":true,"write":2}',
    ]);
  });

  test("that go round for ever fail the workflow", () => {
    const round = workflow([next("START", "a"), routes("a", { done: "END", default: "a" })], ["done"]);
    const ended = (count: number): NodeRun[] =>
      Array.from({ length: count }, (_, index) => ({
        run: index + 1,
        node: "a",
        iteration: index + 1,
        phase: "succeeded",
        output: {},
        error: null,
      }));
    expect(advance(round, {}, ended(MOST_RUNS - 1))).toMatchObject({ kind: "run", runs: [{ run: MOST_RUNS }] });
    expect(advance(round, {}, ended(MOST_RUNS))).toMatchObject({
      kind: "fail",
      node: null,
      error: { code: "EXECUTION_FAILED", message: expect.stringContaining(`${MOST_RUNS} node runs`) },
    });
  });
});

describe("a loop", () => {
  const looped = workflow(
    [next("START", "try"), loop("try", 3, "done", "after"), next("after", "END")],
    ["done", "try"],
  );

  test("repeats its node at most max_iterations times in all, each with the state of the one before", () => {
    const states: object[] = [];
    const { told } = walk(looped, {
      results: (run) => {
        states.push(run.state);
        return writeName(run);
      },
    });
    expect(told).toEqual(["run 1 try", "run 2 try 2", "run 3 try 3", "run 4 after", 'finish {"try":3}']);
    expect(states.slice(0, 3)).toEqual([{}, { try: 1 }, { try: 2 }]);
  });

  test("goes on as soon as its field is true", () => {
    const { told } = walk(looped, { results: (run) => (run.node === "try" ? { done: run.iteration === 2 } : {}) });
    expect(told).toEqual(["run 1 try", "run 2 try 2", "run 3 after", 'finish {"done":true}']);
  });

  test("may watch a part of a field", () => {
    const deep = workflow([next("START", "try"), loop("try", 5, "review.ok", "END")], ["review"]);
    const { runs } = walk(deep, { results: ({ iteration }) => ({ review: { ok: iteration === 2 } }) });
    expect(runs).toHaveLength(2);
  });

  test("in a branch holds the join up and nothing else", () => {
    const branch = workflow(
      [
        next("START", "try", "a"),
        loop("try", 2, "done", "join"),
        next("a", "b"),
        next("b", "join"),
        next("join", "END"),
      ],
      ["done"],
    );
    expect(walk(branch, { end: (open) => Array.from({ length: open }, (_, index) => index) }).told).toEqual([
      "run 1 try, run 2 a",
      "run 3 try 2, run 4 b",
      "run 5 join",
      "finish {}",
    ]);
  });

  test("counts from one again when its branch comes to it again", () => {
    const again = workflow(
      [next("START", "try"), loop("try", 2, "never", "check"), routes("check", { ok: "END", default: "try" })],
      ["ok", "never"],
    );
    const results: Results = ({ node, iteration }) => (node === "check" ? { ok: iteration === 2 } : {});
    expect(walk(again, { results }).told.slice(0, -1)).toEqual([
      "run 1 try",
      "run 2 try 2",
      "run 3 check",
      "run 4 try 3",
      "run 5 try 4",
      "run 6 check 2",
    ]);
  });
});

describe("a loop of several nodes", () => {
  test("around a fork runs its branches at once in every round", () => {
    const round = workflow(
      [
        next("START", "split"),
        next("split", "a", "b"),
        next("a", "join"),
        next("b", "join"),
        routes("join", { ok: "END", default: "split" }),
      ],
      ["ok"],
    );
    const results: Results = ({ node, iteration }) => (node === "join" ? { ok: iteration === 2 } : {});
    expect(walk(round, { results }).told).toEqual([
      "run 1 split",
      "run 2 a, run 3 b",
      "wait",
      "run 4 join",
      "run 5 split 2",
      "run 6 a 2, run 7 b 2",
      "wait",
      "run 8 join 2",
      'finish {"ok":true}',
    ]);
  });

  test("in a branch does not wait for the other branches in its own rounds", () => {
    const inner = workflow(
      [
        next("START", "split"),
        next("split", "write", "b"),
        next("write", "check"),
        routes("check", { ok: "join", default: "write" }),
        next("b", "join"),
        routes("join", { all: "END", default: "split" }),
      ],
      ["ok", "all"],
    );
    const results: Results = ({ node, iteration }) => {
      if (node === "check") return { ok: iteration === 2 };
      return node === "join" ? { all: true } : {};
    };
    expect(walk(inner, { results }).told).toEqual([
      "run 1 split",
      "run 2 write, run 3 b",
      "run 4 check",
      "wait",
      "run 5 write 2",
      "run 6 check 2",
      "run 7 join",
      'finish {"ok":true,"all":true}',
    ]);
  });
});

describe("a branch that goes back to the head of a loop early", () => {
  const early = workflow(
    [
      next("START", "head"),
      next("head", "a", "b"),
      routes("a", { back: "head", default: "join" }),
      next("b", "join"),
      routes("join", { ok: "END", default: "head" }),
    ],
    ["back", "ok", "a", "b", "join"],
  );
  const results: Results = (run) => {
    if (run.node === "a") return { ...writeName(run), back: run.iteration === 1 };
    return run.node === "join" ? { ...writeName(run), ok: run.iteration === 2 } : writeName(run);
  };

  test("begins the next round together with the others of its round, which go through the join without it", () => {
    expect(walk(early, { results, end: () => [0] }).told).toEqual([
      "run 1 head",
      "run 2 a, run 3 b",
      "wait",
      "run 4 join",
      "run 5 head 2",
      "run 6 a 2, run 7 b 2",
      "wait",
      "run 8 join 2",
      'finish {"back":false,"ok":true,"a":2,"b":2,"join":2}',
    ]);
  });
});

describe("a join behind a loop", () => {
  test("waits for a branch in the middle of it, although the way out is the loop's head", () => {
    const inside = workflow(
      [
        next("START", "head", "b"),
        routes("head", { out: "join", default: "body" }),
        next("body", "head"),
        next("b", "join"),
        next("join", "END"),
      ],
      ["out"],
    );
    const results: Results = ({ node, iteration }) => (node === "head" ? { out: iteration === 2 } : {});
    const bothThenOne = (open: number) => (open === 2 ? [0, 1] : [0]);
    expect(walk(inside, { results, end: bothThenOne }).told).toEqual([
      "run 1 head, run 2 b",
      "run 3 body",
      "run 4 head 2",
      "run 5 join",
      'finish {"out":true}',
    ]);
  });
});

describe("the runs of one node", () => {
  test("come one after the other, even where a branch goes round faster than another leaves", () => {
    const fast = workflow(
      [
        next("START", "head"),
        next("head", "a", "b"),
        routes("a", { back: "head", default: "join" }),
        next("b", "join"),
        next("join", "END"),
      ],
      ["back", "a"],
    );
    const seenByB: unknown[] = [];
    const results: Results = (run) => {
      if (run.node === "b") seenByB.push(run.state["a"]);
      return run.node === "a" ? { ...writeName(run), back: run.iteration <= 2 } : {};
    };
    // Of the open runs, oldest first, this one ends next: the first of b when all of a have ended.
    const choices = [0, 0, 1, 1, 1, 1, 0, 0, 0, 0];
    const { told } = walk(fast, { results, end: () => [choices.shift() ?? 0] });
    expect(told).toEqual([
      "run 1 head",
      "run 2 a, run 3 b",
      "run 4 head 2",
      "run 5 a 2",
      "run 6 head 3",
      "run 7 a 3",
      "wait",
      "run 8 b 2",
      "run 9 b 3",
      "run 10 join",
      'finish {"back":false,"a":3}',
    ]);
    expect(seenByB).toEqual([undefined, 1, 2]);
  });
});

describe("two branches that come into a loop at different nodes", () => {
  test("are one when they meet at its head", () => {
    const knot = workflow(
      [
        next("START", "a", "b"),
        routes("a", { stop_a: "END", default: "b" }),
        routes("b", { stop_b: "END", default: "a" }),
      ],
      ["stop_a", "stop_b"],
    );
    const results: Results = ({ node, iteration }) => ({ [`stop_${node}`]: iteration > 1 });
    const last = 'finish {"stop_a":false,"stop_b":true}';
    expect(walk(knot, { results }).told).toEqual(["run 1 b", "run 2 a", "run 3 b 2", last]);
  });
});

describe("a node that failed", () => {
  test("fails the workflow with its name and its reason, whatever else is open", () => {
    const pair = workflow([next("START", "a", "b"), next("a", "c"), next("b", "c"), next("c", "END")]);
    const { told } = walk(pair, { results: ({ node }) => (node === "b" ? new Error("no tool") : {}), end: () => [1] });
    expect(told).toEqual(["run 1 a, run 2 b", "fail b: EXECUTION_FAILED: no tool"]);
  });
});
