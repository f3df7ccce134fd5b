import type { Trial } from "../bench.ts";
import { eventsOf } from "../counted-agent.ts";
import { faultsOfWorkflow, startWithCountedWorkflow } from "../counted-workflow.ts";
import { findVictim, pause, sendKill, type Victim } from "../killing.ts";
import type { Row } from "../row.ts";
import { Subject } from "../subject.ts";

const VICTIMS: readonly Exclude<Victim, "command">[] = ["server", "runner", "container"];
const MOST_KILLS = 3;

export const killedWorkflow: Row = {
  name: "run-workflow",
  fault: "SIGKILL of server, workflow-runner and agent-runner, one to three times, anywhere in a workflow",
  holds:
    "fork, join and loop come to the same state; each node run begins and ends once; each finished tool call ran once, counted outside; one terminal event, numbers without a gap",
  runs: { small: 2, full: 60 },
  run: (bench) => bench.repeat("a workflow under kills", killAnywhere),
};

async function killAnywhere(trial: Trial): Promise<void> {
  const { dice } = trial;
  const subject = new Subject();
  trial.blame(await startWithCountedWorkflow(subject));
  const { exitCode, data } = await subject.tell(["run", "--workflow", "counted", "--detach"]);
  if (exitCode !== 0) trial.blame(`run exited ${exitCode}`);
  const { executionId } = data as { executionId: string };
  for (let kill = dice.between(1, MOST_KILLS); kill > 0; kill -= 1) {
    await pause(dice.between(0, 1_000));
    const victim = dice.pick(VICTIMS);
    if (!sendKill((await findVictim(subject, victim)) ?? 0)) continue;
    trial.saw(`${victim} killed`);
    if (victim !== "server") continue;
    await pause(dice.between(0, 300));
    const start = await trial.timed("start", subject.tell(["server", "start"]));
    if (start.exitCode !== 0) trial.blame(`start exited ${start.exitCode}: ${start.text}`);
  }
  const follow = subject.begin(["execution", "events", executionId, "-f", "--json"]);
  const end = await trial.timed("the execution's end after it", follow.ended);
  if (end !== 0) trial.blame(`execution events -f exited ${end}: ${follow.stderr}`);
  trial.blame(faultsOfWorkflow(subject, await eventsOf(subject, executionId)));
  // The workflow may have come to its end while what was killed last is still starting again.
  await trial.timed(
    "the stack ready again",
    subject.rig.until(({ state }) => state === "ready", "a ready stack"),
  );
  trial.blame(await subject.faultsOfReadyStack());
  trial.blame(await subject.dispose());
}
