import type { Trial } from "../bench.ts";
import { EFFECTS, type ExecutionEvent, eventsOf, faultsOfExecution, startWithCountedAgent } from "../counted-agent.ts";
import { findVictim, pause, sendKill } from "../killing.ts";
import { listProcesses } from "../process-list.ts";
import type { Row } from "../row.ts";
import { Subject } from "../subject.ts";

/** What the kill waits for: every kind of step, before, in and after. */
const MOMENTS = [
  "execution.started",
  "step.started",
  "message.delta",
  "message.completed",
  "tool.started",
  "tool.completed",
];

export const killedRunner: Row = {
  name: "run-runner",
  fault: "SIGKILL of the agent-runner in every kind of step of an execution",
  holds:
    "each finished step once, counted outside; the step in flight is repeated or told as interrupted; one terminal event, numbers without a gap",
  runs: { small: 2, full: 40 },
  run: (bench) => bench.repeat("a runner killed in a step", killRunner),
};

export const killedServer: Row = {
  name: "run-server",
  fault: "SIGKILL of the server in the middle of an attached run, then a start",
  holds: "the run goes on from its last event and exits 0; each finished step once; one terminal event",
  runs: { small: 1, full: 30 },
  run: (bench) => bench.repeat("a server killed in a run", killServer),
};

export const doubleCancel: Row = {
  name: "run-cancel",
  fault: "two cancels and a Ctrl-C at about the same time, in every kind of step",
  holds: "one terminal event, execution.cancelled; both cancels exit 0, the run 10 or 130; nothing of the tool runs on",
  runs: { small: 2, full: 30 },
  run: (bench) => bench.repeat("a double cancel", cancelTwice),
};

async function killRunner(trial: Trial): Promise<void> {
  const { dice } = trial;
  const subject = new Subject();
  trial.blame(await startWithCountedAgent(subject));
  const moment = dice.pick(MOMENTS);
  const nth = dice.between(1, 4);
  const { exitCode, data } = await subject.tell(["run", "--agent", "counted", "--detach"]);
  if (exitCode !== 0) trial.blame(`run exited ${exitCode}`);
  const { executionId } = data as { executionId: string };
  const follow = subject.begin(["execution", "events", executionId, "-f", "--json"]);
  await follow.until(`${moment} ${nth}`, (command) => countOf(command.lines, moment) >= nth).catch(() => {});
  await pause(dice.between(0, 150));
  if (sendKill((await findVictim(subject, "container")) ?? 0)) trial.saw(`killed after ${moment}`);
  const end = await trial.timed("the execution's end after it", follow.ended);
  if (end !== 0) trial.blame(`execution events -f exited ${end}: ${follow.stderr}`);
  const followed = follow.records<ExecutionEvent>();
  const events = await eventsOf(subject, executionId);
  trial.blame(faultsOfExecution(subject, events, "execution.succeeded"));
  if (JSON.stringify(followed.map(({ seq }) => seq)) !== JSON.stringify(events.map(({ seq }) => seq)))
    trial.blame("the follower saw other events");
  const finished = events.filter(({ type, data: { ok } }) => type === "tool.completed" && ok === true).length;
  trial.saw(finished === EFFECTS ? "all steps finished" : "told one as interrupted");
  if (finished < EFFECTS - 1) trial.blame(`only ${finished} of ${EFFECTS} tool calls finished`);
  trial.blame(await subject.dispose());
}

async function killServer(trial: Trial): Promise<void> {
  const { dice } = trial;
  const subject = new Subject();
  trial.blame(await startWithCountedAgent(subject));
  const run = subject.begin(["run", "--agent", "counted"]);
  await run.until("its id", ({ stderr }) => /Execution ID: \S+/.test(stderr));
  const id = /Execution ID: (\S+)/.exec(run.stderr)?.[1] ?? "";
  await pause(dice.between(0, 2_500));
  if (sendKill((await findVictim(subject, "server")) ?? 0)) trial.saw("server killed");
  await pause(dice.between(0, 1_000));
  const start = await trial.timed("start", subject.tell(["server", "start"]));
  if (start.exitCode !== 0) trial.blame(`start exited ${start.exitCode}: ${start.text}`);
  const exitCode = await run.ended;
  if (exitCode !== 0) trial.blame(`the run exited ${exitCode}: ${run.stderr}`);
  if (!run.stdout.endsWith("all done\n")) trial.blame(`the run printed: ${run.stdout}`);
  for (let call = 0; call < EFFECTS; call += 1) {
    const times = run.stdout.split("\n").filter((line) => line === `call ${call}`).length;
    if (times !== 1) trial.blame(`"call ${call}" was printed ${times} times`);
  }
  trial.blame(faultsOfExecution(subject, await eventsOf(subject, id), "execution.succeeded"));
  trial.blame(await subject.faultsOfReadyStack());
  trial.blame(await subject.dispose());
}

async function cancelTwice(trial: Trial): Promise<void> {
  const { dice } = trial;
  const subject = new Subject();
  // Tools that would go on for a minute: the mark is how they are recognised.
  const mark = 60_000 + (trial.seed % 10_000);
  trial.blame(await startWithCountedAgent(subject, dice.chance(0.5) ? mark : 200));
  const run = subject.begin(["run", "--agent", "counted"]);
  await run.until("its id", ({ stderr }) => /Execution ID: \S+/.test(stderr));
  const id = /Execution ID: (\S+)/.exec(run.stderr)?.[1] ?? "";
  await pause(dice.between(0, 800));
  const cancel = async (): Promise<void> => {
    await pause(dice.between(0, 100));
    const { exitCode, text } = await subject.tell(["execution", "cancel", id]);
    if (exitCode !== 0) trial.blame(`a cancel exited ${exitCode}: ${text}`);
  };
  const withCtrlC = dice.chance(0.5);
  const all = [cancel(), cancel(), ...(withCtrlC ? [run.interrupt()] : [])];
  await trial.timed("both cancels", Promise.all(all));
  const exitCode = await trial.timed("the run's end", run.ended);
  trial.saw(`run exited ${exitCode}`);
  if (!(withCtrlC ? [10, 130] : [10]).includes(exitCode)) trial.blame(`the run exited ${exitCode}: ${run.stderr}`);
  trial.blame(faultsOfExecution(subject, await eventsOf(subject, id), "execution.cancelled"));
  const sleeping = listProcesses().filter(({ command }) => command === `sleep ${mark / 1_000}`);
  if (sleeping.length > 0) trial.blame(`the cancelled tool runs on: ${sleeping.map(({ pid }) => pid)}`);
  trial.blame(await subject.dispose());
}

function countOf(lines: readonly string[], type: string): number {
  return lines.filter((line) => (JSON.parse(line) as ExecutionEvent).type === type).length;
}
