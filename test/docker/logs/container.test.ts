import { randomUUID } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { connectDocker } from "../../../src/docker/connect.ts";
import type { DockerEngine } from "../../../src/docker/engine.ts";
import { LABEL } from "../../../src/docker/labels.ts";
import { saveLastContainerLog } from "../../../src/logs/last-container-log.ts";
import type { HomePaths } from "../../../src/platform/paths.ts";
import { numbered } from "../../support/logs.ts";
import { type LogsRun, logsHome, runLogs } from "../../support/logs-command.ts";
import { importTinyImage } from "../../support/tiny-image.ts";

const PREFIX = `stigmer-logs-test-${process.pid}`;
const IMAGE = `${PREFIX}:tiny`;
const OWNED = `${PREFIX}.owned`;

let engine: DockerEngine;

beforeAll(async () => {
  engine = await connectDocker({ env: process.env, homeDir: homedir() });
  await importTinyImage(engine, IMAGE);
});

afterEach(async () => {
  const left = await engine.listContainers([OWNED]);
  await Promise.all(left.map(({ id }) => engine.removeContainer(id, { force: true, volumes: true })));
});

afterAll(async () => {
  await engine.removeImage(IMAGE, { force: true });
});

test("the container's lines are those of Docker, the last ones or all, also long ones", async () => {
  await using home = await dockerHome();
  const script = `i=1; while [ $i -le 120 ]; do echo line $i; i=$((i+1)); done; head -c 100000 /dev/zero | tr '\\0' x; echo; echo end >&2`;
  const id = await run(home, script);
  await engine.waitContainer(id);
  const long = "x".repeat(100_000);
  expect(await stdoutLines(home.paths, "all")).toEqual([...numbered(1, 120), long]);
  expect((await logs(home.paths, { tail: 3 })).lines().sort()).toEqual([long, "end", "line 120"].sort());
  expect((await logs(home.paths, {})).lines()).toHaveLength(50);
});

test("records name stream and stated level, and conditions apply", async () => {
  await using home = await dockerHome();
  await engine.waitContainer(await run(home, "echo INFO polling; echo WARN slow; echo plain; echo ERROR broken >&2"));
  const run1 = await logs(home.paths, {}, { json: true });
  const facts = run1.records().map(({ component, stream, level, line }) => [component, stream, level, line]);
  expect(facts).toHaveLength(4);
  expect(facts).toContainEqual(["agent-runner", "stdout", "info", "INFO polling"]);
  expect(facts).toContainEqual(["agent-runner", "stdout", null, "plain"]);
  expect(facts).toContainEqual(["agent-runner", "stderr", "error", "ERROR broken"]);
  expect((await logs(home.paths, { level: "warn" })).lines().sort()).toEqual(["ERROR broken", "WARN slow", "plain"]);
  expect((await logs(home.paths, { grep: /slow|pol/, tail: 1 })).lines()).toEqual(["WARN slow"]);
  expect((await logs(home.paths, { sinceMs: Date.now() + 60_000 })).lines()).toEqual([]);
});

test("without an ID file the container is found by its labels", async () => {
  await using home = await dockerHome();
  await engine.waitContainer(await run(home, "echo found"));
  rmSync(home.paths.containerIdFile);
  expect((await logs(home.paths, {})).lines()).toEqual(["found"]);
});

test("a container that only has our name is shown with a warning", async () => {
  await using home = await dockerHome();
  const name = `stigmer-agent-runner-${home.instance.slice(0, 8)}`;
  const id = await run(home, "echo foreign", { name, labels: { [OWNED]: "yes" } });
  await engine.waitContainer(id);
  rmSync(home.paths.containerIdFile);
  const shown = await logs(home.paths, {});
  expect(shown.lines()).toEqual(["foreign"]);
  expect(shown.warnings).toEqual([expect.stringContaining(name)]);
});

test("a follow goes on over a restart of the container, with a marker between and nothing lost or doubled", async () => {
  await using home = await dockerHome();
  const id = await run(home, "echo up; i=1; while [ $i -le 2000 ]; do echo line $i; i=$((i+1)); done; sleep 60");
  const stop = new AbortController();
  let restarts = 0;
  const shown = await logs(
    home.paths,
    { follow: true, tail: "all" },
    {
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(50_000)]),
      onWrite({ stdout }) {
        const runs = stdout.text.split("line 2000\n").length - 1;
        if (runs > restarts && restarts < 2) {
          restarts += 1;
          void engine.killContainer(id, "SIGKILL").then(async () => {
            await engine.waitContainer(id);
            await engine.startContainer(id);
          });
        } else if (runs === 3) {
          stop.abort();
        }
      },
    },
  );
  const marker = "-- agent-runner restarted: the container was started again --";
  const one = ["up", ...numbered(1, 2000)];
  expect(shown.lines()).toEqual([...one, marker, ...one, marker, ...one]);
});

test("a container removed by hand is told as lost, and another in its place is followed", async () => {
  await using home = await dockerHome();
  const first = await run(home, "echo one; sleep 60");
  const stop = new AbortController();
  let step = 0;
  const shown = await logs(
    home.paths,
    { follow: true },
    {
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(50_000)]),
      onWrite({ stdout }) {
        if (step === 0 && stdout.text.includes("one")) {
          step = 1;
          void engine.removeContainer(first, { force: true }).then(() => run(home, "echo two; sleep 60"));
        }
        if (stdout.text.includes("two")) stop.abort();
      },
    },
  );
  expect(shown.lines()).toEqual([
    "one",
    `-- agent-runner lost: container ${first.slice(0, 12)} was removed by hand, and its log with it --`,
    "two",
  ]);
});

test("a container that we remove leaves what it said last, which is shown until there is another", async () => {
  await using home = await dockerHome();
  const id = await run(home, "i=1; while [ $i -le 3000 ]; do echo INFO line $i; i=$((i+1)); done");
  await engine.waitContainer(id);
  await saveLastContainerLog({ engine, containerId: id, file: home.paths.lastContainerLogFile });
  await engine.removeContainer(id, { force: true });
  rmSync(home.paths.containerIdFile);
  const shown = await logs(home.paths, { tail: "all" }, { json: true });
  expect(shown.records().map(({ line }) => line)).toEqual(numbered(1, 3000).map((line) => `INFO ${line}`));
  expect(shown.records()[0]).toMatchObject({ component: "agent-runner", stream: "stdout", level: "info" });
});

test("what is kept of a long log is its last mebibyte", async () => {
  await using home = await dockerHome();
  const id = await run(
    home,
    `line=$(head -c 10000 /dev/zero | tr '\\0' x); i=1; while [ $i -le 300 ]; do echo $i $line; i=$((i+1)); done`,
  );
  await engine.waitContainer(id);
  await saveLastContainerLog({ engine, containerId: id, file: home.paths.lastContainerLogFile });
  await engine.removeContainer(id, { force: true });
  rmSync(home.paths.containerIdFile);
  const numbers = (await logs(home.paths, { tail: "all" })).lines().map((line) => Number(/^\d+/.exec(line)?.[0]));
  expect(numbers).toEqual(numbers.map((_, index) => 301 - numbers.length + index));
  expect(numbers.length).toBeGreaterThan(100);
  expect(numbers.length).toBeLessThan(106);
});

type Home = Awaited<ReturnType<typeof dockerHome>>;

async function dockerHome(): Promise<AsyncDisposable & { paths: HomePaths; instance: string }> {
  const home = await logsHome();
  const instance = randomUUID();
  writeFileSync(home.paths.instanceIdFile, `${instance}\n`);
  return { ...home, instance };
}

let names = 0;

/** Starts a container as the supervisor would and writes its ID file. */
async function run(
  { paths, instance }: Home,
  script: string,
  { name, labels }: { name?: string; labels?: Record<string, string> } = {},
): Promise<string> {
  names += 1;
  const ours = { [LABEL.managed]: "true", [LABEL.instance]: instance, [LABEL.component]: "agent-runner" };
  const id = await engine.createContainer({
    name: name ?? `${PREFIX}-${names}`,
    image: IMAGE,
    labels: labels ?? { ...ours, [OWNED]: "yes" },
    env: {},
    user: "0:0",
    networkMode: "none",
    extraHosts: [],
    binds: [],
    memoryBytes: 64 * 1024 * 1024,
    pidsLimit: 32,
    command: ["/bin/sh", "-c", script],
    init: true,
    logMaxSizeBytes: 64 * 1024 * 1024,
    logMaxFiles: 2,
  });
  await engine.startContainer(id);
  writeFileSync(paths.containerIdFile, `${id}\n`);
  return id;
}

function logs(
  paths: HomePaths,
  options: Parameters<typeof runLogs>[1],
  more: Parameters<typeof runLogs>[2] = {},
): Promise<LogsRun> {
  const dockerHost = engine.endpoint.url;
  return runLogs(paths, { components: ["agent-runner"], ...options }, { dockerHost, ...more });
}

async function stdoutLines(paths: HomePaths, tail: number | "all"): Promise<unknown[]> {
  const records = (await logs(paths, { tail }, { json: true })).records();
  return records.filter(({ stream }) => stream === "stdout").map(({ line }) => line);
}
