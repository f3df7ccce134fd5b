import type { Trial } from "../bench.ts";
import { findVictim, killDuring, pause, pickMoment, sendKill, VICTIMS, type Victim } from "../killing.ts";
import type { Row } from "../row.ts";
import { Subject, type Told } from "../subject.ts";

/** What a start may say when something of it was killed; 137 is the killed command itself. */
const START_MAY_SAY = new Set(["COMPONENT_EXITED", "START_TIMEOUT", "NOT_RUNNING", "START_IN_PROGRESS"]);
/** What a stop may say then: it waits for what dies anyhow, so there is little. */
const STOP_MAY_SAY = new Set<string>();
/** Between two starts of a component nothing of it runs; so long it is waited for. */
const PATIENCE_MS = 20_000;

export const killDuringStart: Row = {
  name: "kill-start",
  fault: "SIGKILL of the command, the server, the runner or the container at a random moment of a start",
  holds:
    "the start ends with an error that names it, or heals it; the next start is one ready stack, the next stop leaves nothing",
  runs: { small: 7, full: 80 },
  run: (bench) => bench.repeat("a kill during start", killStart),
};

export const killDuringStop: Row = {
  name: "kill-stop",
  fault: "SIGKILL of the command, the server, the runner or the container at a random moment of a stop",
  holds: "the next start is one ready stack, the next stop leaves nothing; no log line is lost",
  runs: { small: 6, full: 50 },
  run: (bench) => bench.repeat("a kill during stop", killStop),
};

export const killWhileRunning: Row = {
  name: "kill-run",
  fault: "SIGKILL of one or two of client, server, runner and container of a running stack",
  holds:
    "the next start adopts what is healthy and is one ready stack, the next stop leaves nothing; no log line is lost",
  runs: { small: 7, full: 70 },
  run: (bench) => bench.repeat("a kill of a running stack", killRunning),
};

/** On two cores a start takes about a second and a stop a third of one; a kill that comes too late is counted as missed. */
const START_SPAN_MS = 1_500;
const STOP_SPAN_MS = 500;
const PROGRESS_LINES = 6;

async function killStart(trial: Trial): Promise<void> {
  const subject = new Subject();
  const victim = trial.dice.pick(VICTIMS);
  const moment = pickMoment(trial.dice, START_SPAN_MS, PROGRESS_LINES);
  // Progress is printed without --json, the error's code with it.
  const json = "afterMs" in moment;
  const command = subject.begin(["server", "start", ...(json ? ["--json"] : [])]);
  const hit = await killDuring(command, { subject, victim, moment });
  const exitCode = await command.ended;
  trial.saw(hit ? `killed ${victim}` : `missed ${victim}`);
  if (victim !== "command" || !hit) judge(trial, toldBy(command, exitCode, json), "start", START_MAY_SAY);
  await subject.look();
  await recover(trial, subject);
}

async function killStop(trial: Trial): Promise<void> {
  const subject = new Subject();
  if (!(await startUp(trial, subject))) return;
  const victim = trial.dice.pick(VICTIMS);
  const moment = { afterMs: trial.dice.between(0, STOP_SPAN_MS) };
  await subject.rememberLogs();
  const command = subject.begin(["server", "stop", "--json"]);
  const hit = await killDuring(command, { subject, victim, moment });
  const exitCode = await command.ended;
  trial.saw(hit ? `killed ${victim}` : `missed ${victim}`);
  if (victim !== "command" || !hit) judge(trial, toldBy(command, exitCode, true), "stop", STOP_MAY_SAY);
  await recover(trial, subject);
}

async function killRunning(trial: Trial): Promise<void> {
  const { dice } = trial;
  const subject = new Subject();
  if (!(await startUp(trial, subject))) return;
  const before = { runner: subject.leader("workflow-runner")?.pid, container: (await subject.containers())[0]?.id };
  const victims = new Set<Victim>([dice.pick(VICTIMS), ...(dice.chance(0.5) ? [dice.pick(VICTIMS)] : [])]);
  const watch = subject.begin(["server", "status", "--watch", "--json"]);
  await watch.until("the first status", ({ lines }) => lines.length > 0);
  await subject.rememberLogs();
  await pause(dice.between(0, 1_500));
  for (const victim of victims) {
    const pid = victim === "command" ? watch.pid : await waitForVictim(subject, victim);
    if (pid !== null && sendKill(pid)) trial.saw(`killed ${victim}`);
    else trial.blame(`there was no ${victim} to kill`);
    if (dice.chance(0.5)) await pause(dice.between(0, 300));
  }
  await recover(trial, subject, async () => {
    const after = { runner: subject.leader("workflow-runner")?.pid, container: (await subject.containers())[0]?.id };
    if (!victims.has("runner") && after.runner !== before.runner) trial.blame("a healthy runner was not adopted");
    if (after.container !== before.container) trial.blame("the container was not kept");
    trial.saw("adopted what was healthy");
  });
  sendKill(watch.pid);
  await watch.ended;
}

async function startUp(trial: Trial, subject: Subject): Promise<boolean> {
  const start = await subject.tell(["server", "start"]);
  if (start.exitCode === 0) return true;
  trial.blame(`the stack did not start: ${start.text}`);
  await subject.dispose();
  return false;
}

async function waitForVictim(subject: Subject, victim: Exclude<Victim, "command">): Promise<number | null> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const pid = await findVictim(subject, victim);
    if (pid !== null || performance.now() > deadlineMs) return pid;
    await pause(10);
  }
}

/** After a kill: a seeded start or stop, then the proof of one stack or nothing. */
async function recover(trial: Trial, subject: Subject, afterStart?: () => Promise<void>): Promise<void> {
  const next = trial.dice.pick(["start", "stop"]);
  const told = await trial.timed(next, subject.tell(["server", next]));
  trial.saw(`then ${next}`);
  if (told.exitCode !== 0) trial.blame(`the next ${next} exited ${told.exitCode}: ${told.text}`);
  else if (next === "start") {
    trial.blame(await subject.faultsOfReadyStack());
    await afterStart?.();
  } else trial.blame(await subject.remains());
  trial.blame(await subject.lostLogs());
  trial.blame(await subject.dispose());
}

function toldBy(command: { stdout: string; stderr: string }, exitCode: number, json: boolean): Told {
  if (!json || command.stdout === "") return { exitCode, code: null, text: command.stdout + command.stderr };
  const { error } = JSON.parse(command.stdout) as { error: { code: string } | null };
  return { exitCode, code: error?.code ?? null, text: command.stdout };
}

function judge(trial: Trial, told: Told, command: string, allowed: ReadonlySet<string>): void {
  if (told.exitCode === 0) {
    trial.saw(`${command} exited 0`);
    return;
  }
  trial.saw(`${command}: ${told.code ?? `exit ${told.exitCode}`}`);
  const isAllowed = told.code === null ? allowed.size > 0 && [1, 3, 8].includes(told.exitCode) : allowed.has(told.code);
  if (!isAllowed) trial.blame(`the ${command} said, with exit ${told.exitCode}: ${told.text}`);
}
