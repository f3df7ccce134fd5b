import type { Bench, Trial } from "../bench.ts";
import { countDescriptors, memoryOf } from "../process-list.ts";
import type { Row } from "../row.ts";
import { Subject } from "../subject.ts";

/** Memory is garbage-collected when it pleases; a leak of so little each time is none. */
const MEMORY_SLACK_MB = 24;
const DESCRIPTOR_SLACK = 4;
/** Caches and compiled code are in place after so many; before, growth is no leak. */
const WARM_UP = 3;

export const restarts: Row = {
  name: "restarts",
  fault: "restarts in a row: of the whole stack, and of single components under one server",
  holds: "ready each time; processes, descriptors, memory, containers and files as after the first",
  runs: { small: 4, full: 50 },
  run: (bench) => bench.trial(`${bench.runs} restarts`, (trial) => restartAgainAndAgain(trial, bench), bench.runs),
};

export const startStopPairs: Row = {
  name: "pairs",
  fault: "pairs of start and stop in a row",
  holds: "ready each time, nothing left each time; the home's files and descriptors as after the first",
  runs: { small: 3, full: 50 },
  run: (bench) => bench.trial(`${bench.runs} pairs`, (trial) => startAndStop(trial, bench), bench.runs),
};

interface Measure {
  descriptors: number;
  memoryMb: number;
  processes: number;
  files: string[];
}

async function restartAgainAndAgain(trial: Trial, { runs }: Bench): Promise<void> {
  const subject = new Subject();
  await mustExitZero(trial, subject, ["server", "start"]);
  const whole = Math.ceil(runs / 2);
  await compare(trial, subject, whole, () =>
    trial.timed("restart", mustExitZero(trial, subject, ["server", "restart"])),
  );
  await compare(trial, subject, runs - whole, () => {
    const component = trial.dice.pick(["workflow-runner", "agent-runner"]);
    return trial.timed("restart of one", mustExitZero(trial, subject, ["server", "restart", "--component", component]));
  });
  trial.blame(await subject.dispose());
}

async function startAndStop(trial: Trial, { runs }: Bench): Promise<void> {
  const subject = new Subject();
  let first: Measure | null = null;
  for (let run = 0; run < runs; run += 1) {
    await trial.timed("start", mustExitZero(trial, subject, ["server", "start"]));
    const problems = await subject.faultsOfReadyStack();
    const now = measure(subject);
    first ??= now;
    trial.blame([...problems, ...growth(first, now)]);
    await trial.timed("stop", mustExitZero(trial, subject, ["server", "stop"]));
    trial.blame(await subject.remains());
  }
  trial.blame(await subject.dispose());
}

async function compare(trial: Trial, subject: Subject, times: number, again: () => Promise<void>): Promise<void> {
  let first: Measure | null = null;
  let last: Measure | null = null;
  for (let run = 0; run < times; run += 1) {
    await again();
    trial.blame(await subject.faultsOfReadyStack());
    last = measure(subject);
    if (run < Math.min(WARM_UP, Math.ceil(times / 2))) first = last;
  }
  if (first === null || last === null) return;
  trial.blame(growth(first, last));
  trial.saw(`descriptors ${first.descriptors} → ${last.descriptors}`);
  trial.saw(`memory ${first.memoryMb.toFixed(0)} → ${last.memoryMb.toFixed(0)} MB`);
}

function measure(subject: Subject): Measure {
  const server = subject.leader("stigmer-server")?.pid ?? 0;
  return {
    descriptors: countDescriptors(server),
    memoryMb: memoryOf(server).nowMb,
    processes: subject.processes().length,
    files: subject.files().filter((file) => !/\.log(\.\d+)?$/.test(file)),
  };
}

function growth(first: Measure, last: Measure): string[] {
  const problems: string[] = [];
  const more = last.files.filter((file) => !first.files.includes(file));
  if (more.length > 0) problems.push(`files that the first time did not leave: ${more.join(" ")}`);
  if (last.processes !== first.processes)
    problems.push(`${last.processes} processes, ${first.processes} the first time`);
  if (last.descriptors > first.descriptors + DESCRIPTOR_SLACK) {
    problems.push(`${last.descriptors} descriptors, ${first.descriptors} the first time`);
  }
  if (last.memoryMb > first.memoryMb + MEMORY_SLACK_MB) {
    problems.push(`${last.memoryMb.toFixed(0)} MB of memory, ${first.memoryMb.toFixed(0)} the first time`);
  }
  return problems;
}

async function mustExitZero(trial: Trial, subject: Subject, args: string[]): Promise<void> {
  const { exitCode, text } = await subject.tell(args);
  if (exitCode !== 0) trial.blame(`${args.join(" ")} exited ${exitCode}: ${text}`);
}
