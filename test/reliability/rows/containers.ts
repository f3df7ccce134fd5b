import { docker } from "../../support/stack-rig.ts";
import { AlteredImage, DEAF_TO_SIGTERM } from "../altered-image.ts";
import type { Bench, Trial } from "../bench.ts";
import { inspectContainer } from "../docker-socket.ts";
import { findVictim, pause, sendKill } from "../killing.ts";
import { listProcesses } from "../process-list.ts";
import type { Row } from "../row.ts";
import { Subject } from "../subject.ts";
import { untilTold } from "../waiting.ts";

/** Where a trial may put a file of its own: the workspace belongs to the user. */
const DEFINITION = "data/workspace/definition.yaml";
const GRACE_MS = 2_000;
/** After the grace, what a component may still take until it is gone. */
const LIMIT_MS = GRACE_MS + 2_000;
/** Deaths until the supervisor gives up. */
const GIVES_UP_AFTER = 10;

export const deafToSigterm: Row = {
  name: "sigterm",
  fault: "a container that ignores SIGTERM; a process whose children ignore it",
  holds: "all of it is gone within the grace and two seconds, and the stop says that it killed",
  runs: { small: 2, full: 10 },
  run: (bench) =>
    bench.repeat("deaf to SIGTERM", (trial) => (trial.seed % 2 === 0 ? deafContainer(trial) : deafChildren(trial))),
};

export const crashLoop: Row = {
  name: "crash-loop",
  fault: "a runner or a container that is killed each time it is ready",
  holds: "restarts come later and later; after ten deaths it is failed and says why; the next start brings it back",
  runs: { small: 4, full: 20 },
  run: async (bench) => {
    const each = bench.size === "full" ? GIVES_UP_AFTER : bench.runs;
    for (let done = 0; done < bench.runs; done += each) {
      const victim = (done / each) % 2 === 0 ? "runner" : "container";
      await bench.trial(`a crash loop of the ${victim}`, (trial) => killEachTime(trial, victim, each), each);
    }
  },
};

export const missingImage: Row = {
  name: "image",
  fault: "the image loses its name while the container is stopped, or the container is removed as well",
  holds:
    "a stopped container is started again; without one the start says IMAGE_MISSING; with the image back, all is well",
  runs: { small: 1, full: 6 },
  run: (bench) => bench.repeat("a missing image", loseImage),
};

export const removedContainer: Row = {
  name: "removed",
  fault: "the container removed by hand under a running stack",
  holds: "it is made again, counted, and its end explained",
  runs: { small: 1, full: 20 },
  run: (bench) => bench.trial(`${bench.runs} removals`, (trial) => removeByHand(trial, bench), bench.runs),
};

async function deafContainer(trial: Trial): Promise<void> {
  await using image = await AlteredImage.build("deaf", DEAF_TO_SIGTERM);
  const subject = new Subject({ config: image.config });
  const start = await subject.tell(["server", "start"]);
  if (start.exitCode !== 0) trial.blame(start.text);
  await subject.look();
  await stopInTime(trial, subject, "agent-runner");
  trial.saw("a deaf container");
  trial.blame(await subject.dispose());
}

async function deafChildren(trial: Trial): Promise<void> {
  const subject = new Subject({ config: "server: { port: 0 }\nagent_runner: { runtime: process }\n" });
  const mark = String(3_000 + (trial.seed % 1_000));
  subject.rig.write(
    DEFINITION,
    `apiVersion: stigmer/v1
kind: Agent
metadata: { name: deaf }
spec:
  model:
    provider: scripted
    script:
      - tool_calls:
          - tool: shell
            arguments: { command: "trap '' TERM; sleep ${mark} & sh -c 'sleep ${mark}' & echo up > up; wait" }
      - text: done
  instructions: Be deaf.
  tools: [shell]
  limits: { timeout: 5m }
`,
  );
  for (const args of [
    ["server", "start"],
    ["apply", "-f", subject.rig.path(DEFINITION)],
    ["run", "--agent", "deaf", "--detach"],
  ]) {
    const { exitCode, text } = await subject.tell(args);
    if (exitCode !== 0) trial.blame(text);
  }
  const sleepers = (): number[] =>
    listProcesses()
      .filter(({ command }) => command === `sleep ${mark}`)
      .map(({ pid }) => pid);
  await untilTold("the deaf children", () => subject.rig.has("data", "workspace", "up") && sleepers().length === 2);
  await subject.look();
  await stopInTime(trial, subject, null);
  if (sleepers().length > 0) trial.blame(`children are left: ${sleepers()}`);
  for (const pid of sleepers()) sendKill(pid);
  trial.saw("deaf children");
  trial.blame(await subject.dispose());
}

/** @param killed a component that cannot end in any other way */
async function stopInTime(trial: Trial, subject: Subject, killed: string | null): Promise<void> {
  const { exitCode, stderr } = await trial.timed(
    "stop",
    subject.rig.run(["server", "stop", "--timeout", `${GRACE_MS / 1_000}s`]),
  );
  if (exitCode !== 0) trial.blame(`stop exited ${exitCode}: ${stderr}`);
  if (killed !== null && !new RegExp(`${killed}\\s+killed`).test(stderr))
    trial.blame(`stop did not say that it killed: ${stderr}`);
  for (const [line, amount, unit] of stderr.matchAll(/(?:stopped|killed) (?:in|after) ([\d.]+) (ms|s)/g)) {
    const ms = Number(amount) * (unit === "s" ? 1_000 : 1);
    if (ms > LIMIT_MS) trial.blame(`too late: ${line}`);
  }
  trial.blame(await subject.remains());
}

async function killEachTime(trial: Trial, victim: "runner" | "container", times: number): Promise<void> {
  const subject = new Subject();
  const index = victim === "runner" ? 1 : 2;
  const start = await subject.tell(["server", "start"]);
  if (start.exitCode !== 0) trial.blame(start.text);
  const delaysMs: number[] = [];
  for (let death = 1; death <= times; death += 1) {
    const killedMs = performance.now();
    if (!sendKill((await findVictim(subject, victim)) ?? 0)) trial.blame(`there was no ${victim} to kill`);
    const status = await subject.rig.until(
      ({ components }) =>
        components[index]?.state === "failed" ||
        (components[index]?.state === "ready" && components[index].restarts === death),
      `restart ${death}`,
      90_000,
    );
    const component = status.components[index];
    if (component?.state === "failed") {
      trial.saw(`failed after ${death} deaths`);
      if (death !== GIVES_UP_AFTER || !/10 times in 10 minutes/.test(component.message ?? ""))
        trial.blame(`failed after ${death}: ${component.message}`);
    } else delaysMs.push(performance.now() - killedMs);
  }
  if (times >= GIVES_UP_AFTER && delaysMs.length >= times) trial.blame("it was never given up");
  // The fifth restart waits at least 1.2 s by the policy, the second at most 0.2 s.
  if (times > 5 && (delaysMs[4] ?? 0) < 1_200) trial.blame(`restarts came after ${delaysMs.map(Math.round)} ms`);
  const again = await trial.timed("start", subject.tell(["server", "start"]));
  if (again.exitCode !== 0) trial.blame(`the start after a crash loop said: ${again.text}`);
  trial.blame(await subject.faultsOfReadyStack());
  trial.saw(`backoff up to ${(Math.max(...delaysMs) / 1_000).toFixed(1)} s (${victim})`);
  trial.blame(await subject.dispose());
}

async function loseImage(trial: Trial): Promise<void> {
  // An image ID of its own, so that the name is all that it has.
  await using image = await AlteredImage.build(`gone-${trial.seed}`, [
    `LABEL reliability=${process.pid}.${trial.seed}`,
  ]);
  const subject = new Subject({ config: image.config });
  const first = await subject.tell(["server", "start"]);
  if (first.exitCode !== 0) trial.blame(first.text);
  const id = subject.rig.containerId();
  sendKill((await findVictim(subject, "server")) ?? 0);
  await docker("stop", "-t", "1", id);
  await image.remove();
  const start = await trial.timed("start", subject.tell(["server", "start"]));
  trial.saw(`stopped container, no image: ${start.code ?? "exit 0"}`);
  if (start.exitCode !== 0 && start.code !== "IMAGE_MISSING") trial.blame(`start said: ${start.text}`);
  if (start.exitCode === 0) trial.blame(await subject.faultsOfReadyStack());
  await removeForced(id);
  if (start.exitCode === 0) {
    const status = await subject.rig.until(
      ({ components }) => !["ready", "starting"].includes(components[2]?.state ?? ""),
      "the lost container",
    );
    trial.saw(`container removed, no image: ${status.components[2]?.state}`);
    await untilTold("a reason", async () => /image/i.test(JSON.stringify((await subject.rig.status()).components[2])));
  }
  const without = await subject.tell(["server", "start"]);
  if (without.code !== "IMAGE_MISSING" || without.exitCode !== 6)
    trial.blame(`without image and container, start said: ${without.text}`);
  await using _again = await AlteredImage.build(`gone-${trial.seed}`);
  const healed = await subject.tell(["server", "start"]);
  if (healed.exitCode !== 0) trial.blame(`with the image back, start said: ${healed.text}`);
  trial.blame(await subject.faultsOfReadyStack());
  trial.blame(await subject.dispose());
}

async function removeByHand(trial: Trial, { runs }: Bench): Promise<void> {
  const subject = new Subject();
  // The policy gives up after ten deaths: then a start, as a user would.
  for (let run = 0; run < runs; run += 1) {
    if (run % 5 === 0) await subject.tell(["server", "start"]);
    const id = subject.rig.containerId();
    const before = (await subject.rig.status()).components[2]?.restarts ?? 0;
    await pause(trial.dice.between(0, 500));
    await removeForced(id);
    const healed = subject.rig.until(
      ({ components }) => components[2]?.state === "ready" && components[2].restarts > before,
      "a new container",
      60_000,
    );
    const status = await trial.timed("a new container", healed);
    if (status.components[2]?.lastExit?.reason !== "its container was removed") {
      trial.blame(`the end is explained as ${status.components[2]?.lastExit?.reason}`);
    }
    if ((await inspectContainer(id)) !== null) trial.blame("the removed container is back");
    trial.blame(await subject.faultsOfReadyStack());
    if (run % 5 === 4) await subject.tell(["server", "restart", "--component", "agent-runner"]);
  }
  trial.blame(await subject.dispose());
}

/** Now and then Docker 20.10 cannot delete the files of a container that it has just killed, and can when asked again. */
async function removeForced(id: string): Promise<void> {
  await docker("rm", "-f", id).catch(() => docker("rm", "-f", id));
}
