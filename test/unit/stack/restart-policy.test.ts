import { expect, test } from "vitest";
import { decideRestart, NO_RESTARTS, RESTART_POLICY, type RestartHistory } from "../../../src/stack/restart-policy.ts";

/** Dies again and again at once; returns the delays until the policy gives up. */
function crashLoop(random: number, pauseMs = 0): (number | string)[] {
  const seen: (number | string)[] = [];
  let history: RestartHistory = NO_RESTARTS;
  let atMs = 0;
  for (let death = 0; death < 50; death += 1) {
    const decision = decideRestart(history, { atMs, healthyForMs: 0, random });
    history = decision.history;
    if (decision.kind === "give-up") return [...seen, decision.reason];
    seen.push(decision.delayMs);
    atMs += decision.delayMs + pauseMs;
  }
  return seen;
}

test("the first restart is immediate, later ones wait 0.2 s doubling, and the tenth death in ten minutes ends it", () => {
  expect(crashLoop(0)).toEqual([0, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, "it ended 10 times in 10 minutes"]);
});

test("the backoff ends at 30 s where deaths are too rare to give up", () => {
  const delays = crashLoop(0, 100_000);
  expect(delays.slice(-1)).toEqual([RESTART_POLICY.maxBackoffMs]);
});

test("jitter takes up to a quarter off and never adds", () => {
  expect(crashLoop(0.999).slice(0, 3)).toEqual([0, 150, 300]);
});

test("a minute of health makes the next restart immediate again", () => {
  const history = { consecutive: 6, deathsMs: [0] };
  const decision = decideRestart(history, { atMs: 100_000, healthyForMs: 60_000, random: 0 });
  expect(decision).toMatchObject({ kind: "restart", delayMs: 0, history: { consecutive: 1 } });
});

test("deaths older than ten minutes are forgotten", () => {
  const deathsMs = Array.from({ length: 9 }, (_, index) => index);
  const decision = decideRestart({ consecutive: 9, deathsMs }, { atMs: 700_000, healthyForMs: 0, random: 0 });
  expect(decision.kind).toBe("restart");
  expect(decision.history.deathsMs).toEqual([700_000]);
});
