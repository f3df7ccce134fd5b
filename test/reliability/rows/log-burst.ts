import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { buildFixture } from "../../support/build-fixture.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import type { Trial } from "../bench.ts";
import { pause } from "../killing.ts";
import { memoryOf } from "../process-list.ts";
import type { Row } from "../row.ts";
import { Subject } from "../subject.ts";

/** A line of the writer, with its stamp, is about so long. */
const LINE_BYTES = 75;
const FILE_BYTES = 32 * 1024 * 1024;
/** A follower may keep a few blocks of what it reads, never the log. */
const MEMORY_LIMIT_MB = 200;
const MB = 1024 * 1024;

export const logBurst: Row = {
  name: "logs",
  fault:
    "a burst of log (the runs are MB) with rotation in mid-follow, and a reader that is stopped with SIGSTOP now and then",
  holds: "every line once and in order, the reader's memory bounded, the writer never blocked",
  runs: { small: 20, full: 1_000 },
  run: (bench) => bench.trial(`${bench.runs} MB of log`, (trial) => burst(trial, bench.runs), bench.runs),
};

async function burst(trial: Trial, megabytes: number): Promise<void> {
  await using directory = await temporaryDirectory();
  const program = await buildFixture("logs/write-lines.ts", directory.path);
  const subject = new Subject();
  const file = subject.rig.path("data", "logs", "workflow-runner.log");
  mkdirSync(subject.rig.path("data", "logs"), { recursive: true });
  writeFileSync(file, "");
  const count = Math.ceil((megabytes * MB) / LINE_BYTES);
  const follow = subject.rig.spawn(["server", "logs", "-f", "-n", "all", "-c", "workflow-runner"]);
  const reading = readNumbers(follow.stdout, count);
  const files = Math.ceil((count * LINE_BYTES * 2) / FILE_BYTES) + 2;
  const writer = spawn(process.execPath, [program, file, "0", String(count), String(FILE_BYTES), String(files)], {
    stdio: "ignore",
  });
  const written = once(writer, "close");
  const writing = trial.timed("writing", written);
  let peakMb = 0;
  const isDone = (): boolean => reading.next >= count || reading.problem !== null || follow.exitCode !== null;
  while (!isDone()) {
    if (follow.pid !== undefined && trial.dice.chance(0.1)) {
      follow.kill("SIGSTOP");
      await pause(trial.dice.between(50, 1_000));
      follow.kill("SIGCONT");
    }
    await Promise.race([pause(100), reading.done]);
    peakMb = Math.max(peakMb, memoryOf(follow.pid ?? 0).peakMb);
  }
  await writing;
  follow.kill("SIGKILL");
  if (reading.problem !== null) trial.blame(reading.problem);
  if (reading.next < count) trial.blame(`the follower ended after ${reading.next} of ${count} lines`);
  if (peakMb > MEMORY_LIMIT_MB) trial.blame(`the reader grew to ${Math.round(peakMb)} MB`);
  if (statSync(file).size > 2 * FILE_BYTES) trial.blame("the log was not rotated");
  trial.saw("lines", count);
  trial.saw("peak MB of the reader", Math.round(peakMb));
  await subject.rig.dispose();
}

interface Reading {
  /** The number that the next line must have. */
  next: number;
  problem: string | null;
  done: Promise<void>;
}

/** Checks that "line 0", "line 1", … arrive, each once and in order. */
function readNumbers(stream: NodeJS.ReadableStream | null, count: number): Reading {
  let finish: () => void = () => {};
  const reading: Reading = {
    next: 0,
    problem: null,
    done: new Promise((resolve) => {
      finish = resolve;
    }),
  };
  let rest = "";
  stream?.setEncoding("utf8");
  stream?.on("data", (text: string | Buffer) => {
    const lines = (rest + String(text)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const number = /line (\d+) sent/.exec(line)?.[1];
      if (number === undefined || reading.problem !== null) continue;
      if (Number(number) !== reading.next) reading.problem = `line ${number} came instead of line ${reading.next}`;
      reading.next += 1;
    }
    if (reading.next >= count || reading.problem !== null) finish();
  });
  return reading;
}
