import { execFileSync } from "node:child_process";
import { existsSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mountSmallDisk } from "../../support/small-disk.ts";
import { docker } from "../../support/stack-rig.ts";
import type { Bench, Trial } from "../bench.ts";
import { findVictim, sendKill } from "../killing.ts";
import type { Row } from "../row.ts";
import { Subject } from "../subject.ts";
import { untilTold } from "../waiting.ts";

const EXAMPLE = new URL("../../../examples/hello.yaml", import.meta.url).pathname;
const PROCESS_RUNTIME = "server: { port: 0 }\nagent_runner: { runtime: process }\n";
const mustBeRoot = (): string | null => (process.getuid?.() === 0 ? null : "only root can mount a small disk");

export const fullDisk: Row = {
  name: "disk-full",
  fault: "a disk that is full at the n-th file or the n-th page of a start, or fills up under a running stack",
  holds: "DISK_FULL or success, nothing half made, old files intact; with room again the same home works",
  runs: { small: 4, full: 60 },
  obstacle: mustBeRoot,
  run: (bench) =>
    bench.repeat("a full disk", (trial) =>
      trial.dice.chance(0.2) ? fillUnderStack(trial) : startOnFullDisk(trial, bench),
    ),
};

export const readOnlyHome: Row = {
  name: "read-only",
  fault: "a home on a file system that became read-only, new or used before",
  holds: "PERMISSION_DENIED where something would be written, an answer where not, and nothing is left running",
  runs: { small: 1, full: 4 },
  obstacle: mustBeRoot,
  run: (bench) => bench.repeat("a read-only home", readOnly),
};

export const longHome: Row = {
  name: "long-home",
  fault: "a home whose path has 200 characters, spaces among them",
  holds: "everything works as in any other home",
  runs: { small: 1, full: 3 },
  run: (bench) => bench.repeat("a long home", longPath),
};

async function startOnFullDisk(trial: Trial, bench: Bench): Promise<void> {
  const { dice } = trial;
  const byFiles = dice.chance(0.5);
  const files = byFiles ? dice.between(4, bench.size === "full" ? 40 : 24) : 0;
  const pages = byFiles ? 4_096 : dice.between(2, 120);
  await using disk = await mountSmallDisk(pages * 4_096, files);
  const subject = new Subject({
    home: join(disk.path, "home"),
    ...(dice.chance(0.6) ? { config: PROCESS_RUNTIME } : {}),
  });
  const start = await trial.timed("start", subject.tell(["server", "start", "--timeout", "20s"]));
  trial.saw(`start: ${start.code ?? "exit 0"}`);
  if (start.exitCode !== 0) {
    if (start.code !== "DISK_FULL")
      trial.blame(`a start with room for ${files} files, ${pages} pages said: ${start.text}`);
    const { processes, containers } = await subject.look();
    trial.blame([...processes, ...containers].map((left) => `a failed start left this: ${JSON.stringify(left)}`));
  } else {
    const config = subject.rig.read("config.yaml");
    fill(disk.path);
    const set = await subject.tell(["config", "set", "llm.model", "m".repeat(5_000)]);
    if (set.code !== "DISK_FULL" || subject.rig.read("config.yaml") !== config)
      trial.blame(`config set on a full disk: ${set.text}`);
    rmSync(join(disk.path, "filler"), { force: true });
  }
  execFileSync("mount", ["-o", "remount,size=67108864,nr_inodes=0", disk.path]);
  const again = await subject.tell(["server", "start"]);
  if (again.exitCode !== 0) trial.blame(`with room again, start exited ${again.exitCode}: ${again.text}`);
  trial.blame(await subject.faultsOfReadyStack());
  trial.blame(await subject.dispose());
}

async function fillUnderStack(trial: Trial): Promise<void> {
  await using disk = await mountSmallDisk(16 * 1024 * 1024);
  const subject = new Subject({ home: join(disk.path, "home"), config: PROCESS_RUNTIME });
  const start = await subject.tell(["server", "start"]);
  if (start.exitCode !== 0) trial.blame(start.text);
  const server = subject.leader("stigmer-server")?.pid;
  fill(disk.path);
  const apply = await subject.tell(["apply", "-f", EXAMPLE]);
  trial.saw(`apply: ${apply.code ?? "exit 0"}`);
  if (apply.exitCode !== 0 && apply.code !== "DISK_FULL") trial.blame(`apply on a full disk: ${apply.text}`);
  if (trial.dice.chance(0.4)) {
    await stopOnFullDisk(trial, subject);
    return;
  }
  sendKill((await findVictim(subject, "runner")) ?? 0);
  const status = await subject.rig.until(({ components }) => components[1]?.restarts !== 0, "the death of the runner");
  trial.saw(`runner on a full disk: ${status.components[1]?.state}`);
  rmSync(join(disk.path, "filler"), { force: true });
  await trial.timed(
    "healing with room again",
    subject.rig.until(({ state }) => state === "ready", "the stack with room again", 60_000),
  );
  if (subject.leader("stigmer-server")?.pid !== server) trial.blame("the server did not survive");
  trial.blame(await subject.faultsOfReadyStack());
  trial.blame(await subject.dispose());
}

async function stopOnFullDisk(trial: Trial, subject: Subject): Promise<void> {
  sendKill((await findVictim(subject, "server")) ?? 0);
  const stop = await trial.timed("stop", subject.tell(["server", "stop"]));
  if (stop.exitCode !== 0) trial.blame(`stop on a full disk said: ${stop.text}`);
  trial.saw("stop without server on a full disk");
  const left = await subject.remains();
  trial.blame(left.filter((problem) => !problem.includes("filler")));
  trial.blame(await subject.dispose());
}

/** Takes every free page. */
function fill(path: string): void {
  const { bavail, bsize } = statfsSync(path);
  if (bavail > 0) writeFileSync(join(path, "filler"), Buffer.alloc(bavail * bsize));
}

async function readOnly(trial: Trial): Promise<void> {
  await using disk = await mountSmallDisk(16 * 1024 * 1024);
  const subject = new Subject({ home: join(disk.path, "home") });
  const isUsed = trial.dice.chance(0.5);
  if (isUsed) {
    await subject.tell(["server", "start"]);
    await subject.tell(["server", "stop"]);
  }
  // What the stack wrote last may still be being closed by the kernel.
  await untilTold("a disk that nobody writes to", () => {
    try {
      disk.makeReadOnly();
      return true;
    } catch {
      return false;
    }
  });
  const start = await trial.timed("start", subject.tell(["server", "start"]));
  if (start.code !== "PERMISSION_DENIED") trial.blame(`start said: ${start.text}`);
  const set = await subject.tell(["config", "set", "llm.model", "m"]);
  if (set.code !== "PERMISSION_DENIED") trial.blame(`config set said: ${set.text}`);
  const get = await subject.tell(["config", "get", "server.port"]);
  if (get.exitCode !== 0) trial.blame(`config get said: ${get.text}`);
  const status = await subject.rig.status();
  if (status.exitCode !== 3) trial.blame(`status exited ${status.exitCode}`);
  const stop = await subject.tell(["server", "stop"]);
  if (stop.exitCode !== 0) trial.blame(`stop said: ${stop.text}`);
  trial.blame(await subject.remains());
  trial.saw(isUsed ? "used home" : "new home");
  execFileSync("mount", ["-o", "remount,rw", disk.path]);
  trial.blame(await subject.dispose());
}

async function longPath(trial: Trial): Promise<void> {
  const root = join(tmpdir(), `stigmer reliability ${process.pid} ${trial.seed} `);
  const home = join(root.padEnd(198, "long "), "h");
  const subject = new Subject({ home });
  try {
    for (const line of ["start", "status", "logs -n 5", "restart --component workflow-runner"]) {
      const { exitCode, stderr } = await trial.timed(`server ${line}`, subject.rig.run(["server", ...line.split(" ")]));
      if (exitCode !== 0) trial.blame(`server ${line} exited ${exitCode}: ${stderr}`);
    }
    trial.blame(await subject.faultsOfReadyStack());
    const logs = await docker("logs", subject.rig.containerId());
    if (!logs.includes("polling")) trial.blame("the container's log does not tell that it polls");
    trial.saw(`${home.length} characters`);
    trial.blame(await subject.dispose());
  } finally {
    const top = join(tmpdir(), home.slice(tmpdir().length + 1).split("/")[0] ?? "");
    if (existsSync(top)) rmSync(top, { recursive: true, force: true });
  }
}
