import type { Trial } from "../bench.ts";
import { pause } from "../killing.ts";
import type { Row } from "../row.ts";
import { Subject, type Told } from "../subject.ts";

const START_MAY_SAY = ["START_IN_PROGRESS", "NOT_RUNNING"];

export const concurrentStarts: Row = {
  name: "starts",
  fault: "many starts of one home at the same time",
  holds: "one stack; every start exits 0 or says START_IN_PROGRESS",
  runs: { small: 8, full: 50 },
  run: (bench) =>
    bench.trial(
      `${bench.runs} starts at once`,
      async (trial) => {
        const subject = new Subject();
        const starts = Array.from({ length: bench.runs }, () => subject.tell(["server", "start"]));
        const told = await trial.timed(`all ${bench.runs} starts`, Promise.all(starts));
        for (const answer of told) judge(trial, "start", answer, ["START_IN_PROGRESS"]);
        if (!told.some(({ exitCode }) => exitCode === 0)) trial.blame("no start exited 0");
        trial.blame(await subject.faultsOfReadyStack());
        trial.blame(await subject.dispose());
      },
      bench.runs,
    ),
};

export const startAgainstStop: Row = {
  name: "start-stop",
  fault: "two to five starts and stops of one home that overlap at random",
  holds:
    "each ends with exit 0 or a clear error; then there is one ready stack or nothing, and one more stop leaves nothing",
  runs: { small: 2, full: 25 },
  run: (bench) => bench.repeat("starts against stops", contend),
};

async function contend(trial: Trial): Promise<void> {
  const { dice } = trial;
  const subject = new Subject();
  if (dice.chance(0.5)) await subject.tell(["server", "start"]);
  const commands = Array.from({ length: dice.between(2, 5) }, () => ({
    name: dice.pick(["start", "stop"]),
    afterMs: dice.between(0, 1_000),
  }));
  const contention = commands.map(async ({ name, afterMs }) => {
    await pause(afterMs);
    judge(trial, name, await subject.tell(["server", name]), name === "start" ? START_MAY_SAY : []);
  });
  await trial.timed("all of them", Promise.all(contention));
  await settled(trial, subject);
  trial.blame(await subject.dispose());
}

async function settled(trial: Trial, subject: Subject): Promise<void> {
  const { exitCode } = await subject.rig.status();
  trial.saw(exitCode === 0 ? "one stack in the end" : "nothing in the end");
  trial.blame(exitCode === 3 ? await subject.remains() : await subject.faultsOfReadyStack());
}

function judge(trial: Trial, command: string, told: Told, allowed: readonly string[]): void {
  trial.saw(`${command}: ${told.code ?? "exit 0"}`);
  if (told.exitCode === 0) return;
  if (!allowed.includes(told.code ?? "")) trial.blame(`the ${command} said, with exit ${told.exitCode}: ${told.text}`);
}
