import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { docker } from "../../support/stack-rig.ts";
import type { Trial } from "../bench.ts";
import { inspectContainer } from "../docker-socket.ts";
import { findVictim, sendKill } from "../killing.ts";
import { ownProcesses } from "../process-list.ts";
import type { Row } from "../row.ts";
import { Stranger } from "../stranger.ts";
import { Subject } from "../subject.ts";

const BOOT_ID = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
const PID_FILES = ["daemon.pid", "workflow-runner.pid", "agent-runner.pid"];
const IMAGE = "stigmer-agent-runner:local";

export const foreignThings: Row = {
  name: "foreign",
  fault:
    "a PID file that names a stranger by a recycled PID, an ID file that names a foreign container, a taken name, a taken port",
  holds: "no stranger is touched, the owner of what is taken is named, stale files are gone after a start or stop",
  runs: { small: 6, full: 100 },
  run: (bench) =>
    bench.repeat("foreign things", (trial) => {
      const kind = trial.dice.between(1, 20);
      if (kind === 1) return takenName(trial);
      if (kind === 2) return takenPort(trial);
      return kind <= 5 ? foreignContainer(trial) : recycledPid(trial);
    }),
};

export const reboot: Row = {
  name: "reboot",
  fault: "the boot id changed under a running stack, and its PIDs belong to others who began at the same tick",
  holds:
    "stale files are recognised at once, no stranger is touched, the start is one ready stack with the same container",
  runs: { small: 1, full: 10 },
  run: (bench) => bench.repeat("a reboot", rebooted),
};

async function recycledPid(trial: Trial): Promise<void> {
  using stranger = new Stranger();
  const { dice } = trial;
  const subject = new Subject();
  const instance = randomUUID();
  subject.rig.write("data/instance-id", `${instance}\n`);
  const forgeries = [
    `${stranger.pid}\n`,
    stranger.record({ instance: randomUUID(), bootId: BOOT_ID }),
    stranger.record({ instance, bootId: randomUUID() }),
    stranger.record({ instance, bootId: BOOT_ID, startTime: stranger.startTime + dice.pick([-1, 1]) }),
  ];
  const forged = PID_FILES.filter(() => dice.chance(0.6));
  for (const file of forged) subject.rig.write(`data/${file}`, dice.pick(forgeries));
  const command = dice.chance(0.15) ? "start" : "stop";
  const status = await subject.rig.status();
  if (forged.some((file) => file !== "agent-runner.pid") && status.exitCode !== 1) {
    trial.blame(`status with a stale PID file exited ${status.exitCode}`);
  }
  const told = await trial.timed(command, subject.tell(["server", command]));
  if (told.exitCode !== 0) trial.blame(`${command} exited ${told.exitCode}: ${told.text}`);
  trial.saw(`recycled PID, ${command}`);
  trial.blame(command === "start" ? await subject.faultsOfReadyStack() : await subject.remains());
  trial.blame(await subject.dispose());
  if (!stranger.isAlive) trial.blame("the stranger was ended");
}

async function foreignContainer(trial: Trial): Promise<void> {
  const { dice } = trial;
  const subject = new Subject();
  const labels = dice.chance(0.5)
    ? ["--label", "ai.stigmer.managed=true", "--label", `ai.stigmer.instance=${randomUUID()}`]
    : [];
  const verb = dice.pick([["run", "-d"], ["create"]]);
  const id = await docker(...verb, ...labels, "--network", "none", "--entrypoint", "sleep", IMAGE, "600");
  try {
    const before = await inspectContainer(id);
    subject.rig.write("data/instance-id", `${randomUUID()}\n`);
    subject.rig.write("data/agent-runner-container.id", `${id}\n`);
    const command = dice.pick(["start", "stop"]);
    const told = await trial.timed(command, subject.tell(["server", command]));
    if (told.exitCode !== 0) trial.blame(`${command} exited ${told.exitCode}: ${told.text}`);
    trial.saw(`foreign container, ${command}`);
    trial.blame(command === "start" ? await subject.faultsOfReadyStack() : await subject.remains());
    trial.blame(await subject.dispose());
    const after = await inspectContainer(id);
    if (after?.pid !== before?.pid) trial.blame("the foreign container was touched");
  } finally {
    await docker("rm", "-f", id);
  }
}

async function takenName(trial: Trial): Promise<void> {
  const name = `stigmer-reliability-${process.pid}-${trial.seed}`;
  const subject = new Subject({ config: `server: { port: 0 }\nagent_runner: { container_name: ${name} }\n` });
  const id = await docker("create", "--name", name, IMAGE);
  try {
    const told = await trial.timed("start", subject.tell(["server", "start"]));
    if (told.exitCode !== 7 || !told.text.includes(id.slice(0, 12)))
      trial.blame(`a taken name: ${told.exitCode} ${told.text}`);
    trial.saw("taken name");
    if ((await inspectContainer(id)) === null) trial.blame("the foreign container was removed");
    trial.blame(await subject.dispose());
  } finally {
    await docker("rm", "-f", id);
  }
}

async function takenPort(trial: Trial): Promise<void> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const subject = new Subject({ config: `server: { port: ${port} }\n` });
  const told = await trial.timed("start", subject.tell(["server", "start"]));
  if (told.exitCode !== 7 || !told.text.includes(String(process.pid)))
    trial.blame(`a taken port: ${told.exitCode} ${told.text}`);
  trial.saw("taken port");
  if (!server.listening) trial.blame("the foreign listener was ended");
  server.close();
  trial.blame(await subject.dispose());
}

async function rebooted(trial: Trial): Promise<void> {
  using stranger = new Stranger();
  const subject = new Subject();
  const start = await subject.tell(["server", "start"]);
  if (start.exitCode !== 0) trial.blame(start.text);
  const container = subject.rig.containerId();
  for (const victim of ["server", "runner", "container"] as const) sendKill((await findVictim(subject, victim)) ?? 0);
  for (const { pid } of ownProcesses(subject.rig.instance())) sendKill(pid);
  for (const file of ["daemon.pid", "workflow-runner.pid"]) {
    subject.rig.write(`data/${file}`, stranger.record({ instance: subject.rig.instance(), bootId: randomUUID() }));
  }
  const status = await trial.timed("status", subject.rig.status());
  if (status.exitCode !== 1) trial.blame(`status after a reboot exited ${status.exitCode}`);
  if (!trial.dice.chance(0.3)) {
    const again = await trial.timed("start", subject.tell(["server", "start"]));
    if (again.exitCode !== 0) trial.blame(`the start after a reboot exited ${again.exitCode}: ${again.text}`);
    trial.blame(await subject.faultsOfReadyStack());
    if (subject.rig.containerId() !== container) trial.blame("another container was made");
    trial.saw("started again with the same container");
  } else trial.saw("stopped");
  trial.blame(await subject.dispose());
  if (!stranger.isAlive) trial.blame("the stranger was ended");
}
