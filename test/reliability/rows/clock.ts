import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import type { Trial } from "../bench.ts";
import { eventsOf, faultsOfExecution, startWithCountedAgent } from "../counted-agent.ts";
import { findVictim, pause, sendKill } from "../killing.ts";
import type { Row } from "../row.ts";
import { Subject } from "../subject.ts";

/** A restart after a first death begins at once; a backoff that hangs on the wall clock would take the hour. */
const HEALING_LIMIT_MS = 30_000;

export const jumpingClock: Row = {
  name: "clock",
  fault: "the server's clock jumps an hour forward and back, in the middle of a run and of a restart (by libfaketime)",
  holds: "no lease is lost, no backoff hangs: the run ends once and the runner is back in seconds",
  runs: { small: 1, full: 10 },
  obstacle: () => (findFaketime() === null ? "libfaketime is not installed (Debian: apt-get install faketime)" : null),
  run: (bench) => bench.repeat("a clock that jumps", jump),
};

async function jump(trial: Trial): Promise<void> {
  await using directory = await temporaryDirectory();
  const offsetFile = directory.file("offset");
  const setClock = (hours: number): void =>
    writeFileSync(offsetFile, `${hours < 0 ? "-" : "+"}${Math.abs(hours) * 3_600}s\n`);
  setClock(0);
  const subject = new Subject({
    env: {
      LD_PRELOAD: findFaketime() ?? "",
      FAKETIME_TIMESTAMP_FILE: offsetFile,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    },
  });
  trial.blame(await startWithCountedAgent(subject));
  const first = trial.dice.pick([1, -1]);
  const { data } = await subject.tell(["run", "--agent", "counted", "--detach"]);
  const { executionId } = data as { executionId: string };
  const follow = subject.begin(["execution", "events", executionId, "-f"]);
  await pause(trial.dice.between(0, 1_500));
  setClock(first);
  await trial.timed("the run's end", follow.ended);
  const events = await eventsOf(subject, executionId);
  trial.blame(faultsOfExecution(subject, events, "execution.succeeded"));
  if (events.some(({ type }) => type === "step.retried")) trial.blame("a lease was lost: a step was retried");
  for (const restarts of [1, 2, 3]) {
    if (!sendKill((await findVictim(subject, "runner")) ?? 0)) trial.blame("there was no runner to kill");
    await pause(trial.dice.between(0, 150));
    setClock(restarts % 2 === 0 ? first : 0);
    const healed = subject.rig.until(
      ({ components }) => components[1]?.state === "ready" && components[1].restarts === restarts,
      "the runner to be back",
      HEALING_LIMIT_MS,
    );
    await trial.timed("healing", healed);
  }
  trial.saw(`first ${first} h`);
  trial.blame(await subject.faultsOfReadyStack());
  trial.blame(await subject.dispose());
}

function findFaketime(): string | null {
  const named = process.env["FAKETIME_LIBRARY"];
  if (named !== undefined) return existsSync(named) ? named : null;
  const libraries = existsSync("/usr/lib") ? readdirSync("/usr/lib") : [];
  const candidates = libraries.map((folder) => join("/usr/lib", folder, "faketime", "libfaketimeMT.so.1"));
  return candidates.find((path) => existsSync(path)) ?? null;
}
