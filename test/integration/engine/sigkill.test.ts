import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { sleep } from "../../../src/platform/clock.ts";
import { openStore, type Store } from "../../../src/store/open.ts";
import { buildEngineProgram } from "../../support/engine-program.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const KILLS = 12;
const TERMINAL = /^execution\.(succeeded|failed|cancelled|timed_out)$/;

test(`a server that is killed at ${KILLS} random moments loses nothing that it had acknowledged`, async () => {
  await using directory = await temporaryDirectory();
  const program = await buildEngineProgram("engine/work-until-killed.ts", directory.path);
  const databaseFile = directory.file("stigmer.db");
  const random = seededRandom(7);
  const acknowledged = new Set<string>();

  for (let kill = 0; kill < KILLS; kill += 1) {
    const child = spawn(process.execPath, [program, databaseFile], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "close");
    const lines = createInterface({ input: child.stdout });
    const first = once(lines, "line");
    lines.on("line", (id) => acknowledged.add(id));
    await Promise.race([first, ended]);
    await sleep(random() * 60);
    child.kill("SIGKILL");
    expect(await ended).toEqual([null, "SIGKILL"]);

    const store = await openStore(databaseFile);
    expect(checkLogs(store)).toEqual([]);
    for (const id of acknowledged) expect(store.executions.find(id)).toMatchObject({ id, phase: "succeeded" });
    await store.close();
  }
  expect(acknowledged.size).toBeGreaterThan(KILLS);
  const store = await openStore(databaseFile);
  expect(allExecutions(store).filter(({ kind, phase }) => kind === "workflow" && phase === "succeeded")).not.toEqual(
    [],
  );
  await store.close();
});

/** What is wrong with the event logs: numbers with a gap or twice, ends that are not one, phases that say another. */
function checkLogs(store: Store): string[] {
  return allExecutions(store).flatMap(({ number, id, kind, phase }) => {
    const events = store.events.page({ number, id }, 0, 1_000);
    const problems: string[] = [];
    if (events.some(({ seq }, index) => seq !== index + 1)) problems.push(`${id}: ${events.map(({ seq }) => seq)}`);
    const ends = events.filter(({ type }) => TERMINAL.test(type)).length;
    const isUnfinished = phase === "queued" || phase === "running";
    if (ends !== (isUnfinished ? 0 : 1)) problems.push(`${id}: ${phase} with ${ends} ends`);
    if (!isUnfinished && !TERMINAL.test(events.at(-1)?.type ?? "")) problems.push(`${id}: the end is not the last`);
    for (const type of ["node.started", "node.completed"]) {
      const nodes = events.filter((event) => event.type === type).map(({ data }) => data["node"]);
      if (new Set(nodes).size < nodes.length) problems.push(`${id}: ${type} of ${nodes}`);
    }
    if (kind === "workflow" && phase === "succeeded" && store.steps.listAll(number).length !== 3) {
      problems.push(`${id}: ${store.steps.listAll(number).length} steps`);
    }
    return problems;
  });
}

function allExecutions(store: Store): ReturnType<Store["executions"]["list"]> {
  return store.executions.list({ limit: 1_000_000, before: null, phase: null });
}
