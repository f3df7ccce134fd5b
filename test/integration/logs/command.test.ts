import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { formatLines, formatProcessStart, type LogLevel } from "@stigmer/agent-runner/log-format";
import { expect, test } from "vitest";
import { withDeadline } from "../../../src/platform/deadline.ts";
import { buildFixture } from "../../support/build-fixture.ts";
import { ended, logText, numbered, startWriter } from "../../support/logs.ts";
import { buildLogsCommand, logsHome, runLogs } from "../../support/logs-command.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const START_MS = Date.UTC(2026, 0, 1);

test("the last lines of all components are merged by time, each with its component", async () => {
  await using home = await logsHome();
  writeFileSync(home.paths.logFile("stigmer-server"), logText(numbered(1, 100), START_MS));
  writeFileSync(home.paths.logFile("workflow-runner"), logText(numbered(1, 100), START_MS + 500));
  const run = await runLogs(home.paths, { tail: 3 });
  expect(run.lines()).toEqual([
    "workflow-runner | line 99",
    "stigmer-server  | line 100",
    "workflow-runner | line 100",
  ]);
  expect(run.warnings).toEqual([]);
});

test("one component is its raw lines", async () => {
  await using home = await logsHome();
  writeFileSync(home.paths.logFile("stigmer-server"), `${logText(["one"])}raw\n`);
  writeFileSync(home.paths.logFile("workflow-runner"), logText(["two"]));
  expect((await runLogs(home.paths, { components: ["stigmer-server"] })).stdout.text).toBe("one\nraw\n");
  const dated = await runLogs(home.paths, { components: ["stigmer-server"], timestamps: true });
  expect(dated.stdout.text).toBe("2026-01-01T00:00:00.000Z one\n2026-01-01T00:00:00.000Z raw\n");
});

test("conditions select lines, and the tail counts those selected", async () => {
  await using home = await logsHome();
  const levels: LogLevel[] = ["debug", "info", "warn", "error"];
  const text = levels
    .map((level, index) => formatLines(`say ${level}`, { timeMs: START_MS + index * 1000, stream: "stderr", level }))
    .join("");
  writeFileSync(home.paths.logFile("workflow-runner"), `${text}raw\n`);
  const shown = async (options: Parameters<typeof runLogs>[1]) =>
    (await runLogs(home.paths, { components: ["workflow-runner"], ...options })).lines();
  expect(await shown({ level: "warn" })).toEqual(["say warn", "say error", "raw"]);
  expect(await shown({ level: "warn", tail: 1, grep: /say/ })).toEqual(["say error"]);
  expect(await shown({ sinceMs: START_MS + 1000, untilMs: START_MS + 2000 })).toEqual(["say info", "say warn"]);
  expect(await shown({ sinceMs: Date.now() + 60_000 })).toEqual([]);
  expect(await shown({ tail: 0 })).toEqual([]);
});

test("JSON records carry the line as it was written, ordered by time", async () => {
  await using home = await logsHome();
  writeFileSync(home.paths.logFile("stigmer-server"), logText(['say "hi"'], START_MS + 10));
  writeFileSync(home.paths.logFile("workflow-runner"), logText(["tab\there"], START_MS));
  const run = await runLogs(home.paths, {}, { json: true });
  expect(run.records()).toEqual([
    {
      type: "log",
      time: "2026-01-01T00:00:00.000Z",
      component: "workflow-runner",
      stream: "stdout",
      level: "info",
      line: "tab\there",
    },
    {
      type: "log",
      time: "2026-01-01T00:00:00.010Z",
      component: "stigmer-server",
      stream: "stdout",
      level: "info",
      line: 'say "hi"',
    },
  ]);
});

test("a stack that never ran has no logs and says how to get some", async () => {
  await using home = await logsHome();
  const run = await runLogs(home.paths);
  expect(run.stdout.text).toBe("");
  expect(run.stderr.text).toContain("stigmer server start");
  expect(run.warnings).toEqual([]);
});

test("with Docker out of reach process logs are shown, and the container's absence is a warning", async () => {
  await using home = await logsHome();
  writeFileSync(home.paths.containerIdFile, `${"a".repeat(64)}\n`);
  writeFileSync(home.paths.logFile("stigmer-server"), logText(["one"]));
  const run = await runLogs(home.paths);
  expect(run.lines()).toEqual(["stigmer-server  | one"]);
  expect(run.warnings).toHaveLength(1);
  expect(run.warnings[0]).toContain("agent-runner");
});

test("with Docker out of reach the container's log alone is an error of Docker", async () => {
  await using home = await logsHome();
  writeFileSync(home.paths.containerIdFile, `${"a".repeat(64)}\n`);
  await expect(runLogs(home.paths, { components: ["agent-runner"] })).rejects.toMatchObject({
    code: expect.stringMatching(/^DOCKER_/),
  });
});

test("an agent-runner that ran as a process has a log like every process", async () => {
  await using home = await logsHome();
  writeFileSync(home.paths.logFile("agent-runner"), logText(["polling"]));
  expect((await runLogs(home.paths, { components: ["agent-runner"] })).lines()).toEqual(["polling"]);
});

test("what a removed container said last is shown when none is there", async () => {
  await using home = await logsHome();
  writeFileSync(home.paths.logFile("agent-runner"), logText(["an older run as a process"]));
  writeFileSync(home.paths.lastContainerLogFile, formatProcessStart("container x", 0) + logText(["last words"]));
  expect((await runLogs(home.paths)).lines()).toEqual(["agent-runner    | last words"]);
});

test("a follow shows what comes, of all components, until it is interrupted", async () => {
  await using home = await logsHome();
  const server = home.paths.logFile("stigmer-server");
  writeFileSync(server, formatProcessStart("first", START_MS) + logText(["one"], START_MS));
  const stop = new AbortController();
  const pending = [
    () => writeFileSync(home.paths.logFile("workflow-runner"), logText(["two"], START_MS + 1)),
    () => writeFileSync(server, formatProcessStart("second", START_MS + 2), { flag: "a" }),
    () => writeFileSync(server, logText(["three"], START_MS + 3), { flag: "a" }),
  ];
  const answered = ["| one", "| two", "| second"];
  const run = await runLogs(
    home.paths,
    { follow: true },
    {
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(20_000)]),
      onWrite({ stdout }) {
        while (answered[0] !== undefined && stdout.text.includes(answered[0])) {
          answered.shift();
          pending.shift()?.();
        }
        if (stdout.text.includes("| three")) stop.abort();
      },
    },
  );
  expect(run.lines()).toEqual([
    "stigmer-server  | first",
    "stigmer-server  | one",
    "workflow-runner | two",
    "-- stigmer-server restarted: second --",
    "stigmer-server  | second",
    "stigmer-server  | three",
  ]);
});

test("a follow with an end in the near future ends then", async () => {
  await using home = await logsHome();
  writeFileSync(home.paths.logFile("stigmer-server"), logText(["one"], START_MS));
  const run = await runLogs(home.paths, { components: ["stigmer-server"], follow: true, untilMs: Date.now() + 50 });
  expect(run.lines()).toEqual(["one"]);
});

test("a reader that stands still costs no memory, and learns with one marker what it missed", async () => {
  await using home = await logsHome();
  await using directory = await temporaryDirectory();
  const [command, program] = await Promise.all([
    buildLogsCommand(directory.path),
    buildFixture("logs/write-lines.ts", directory.path),
  ]);
  const file = home.paths.logFile("workflow-runner");
  writeFileSync(file, "");
  const reader = spawn(
    process.execPath,
    [command, home.paths.home, JSON.stringify({ components: ["workflow-runner"], follow: true })],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  try {
    // 12 MB of lines into files of 3 MB together, while nobody takes the reader's output: its pipe holds 64 KiB.
    await ended(await startWriter(program, [file, 1, 200_000, 1_000_000, 3]));
    expect(peakMemoryKiB(reader)).toBeLessThan(160 * 1024);
    const lines: string[] = [];
    for await (const line of createInterface({ input: reader.stdout })) {
      lines.push(line);
      if (line.startsWith("line 200000 ")) reader.kill("SIGINT");
    }
    await exited(reader);
    expect(reader.exitCode).toBe(130);
    expect(lines.filter((line) => line.startsWith("--"))).toHaveLength(1);
    const gap = lines.findIndex((line) => line.startsWith("-- workflow-runner truncated"));
    expectNumbered(lines.slice(1, gap));
    expectNumbered(lines.slice(gap + 1));
    expect(lines.length - gap).toBeGreaterThan(20_000);
  } finally {
    reader.kill("SIGKILL");
  }
});

function expectNumbered(lines: string[]): void {
  const numbers = lines.map((line) => Number(/^line (\d+)/.exec(line)?.[1]));
  const first = numbers[0] ?? 0;
  expect(numbers).toEqual(numbers.map((_, index) => first + index));
}

/** The largest its memory has been; Linux tells. */
function peakMemoryKiB({ pid }: ChildProcess): number {
  if (process.platform !== "linux") return 0;
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

async function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await withDeadline((signal) => once(child, "exit", { signal }), { what: "the reader's end", timeoutMs: 10_000 });
}
