import { expect, test } from "vitest";
import type { StackStatus } from "../../src/stack/component.ts";
import { faultsOf } from "../support/envelope.ts";
import { RunningCommand } from "../support/running-command.ts";
import { StackRig } from "../support/stack-rig.ts";

/** From the kill to the degraded answer a user may wait so long (2 s), and a machine busy with tests a little longer. */
const DEGRADED_LIMIT_MS = 4_000;

test("status --watch --json prints one record a line as things change, from start to stop, and Ctrl-C exits 130", async () => {
  const rig = new StackRig();
  const watch = new RunningCommand(rig.spawn(["server", "status", "--watch", "--json"]));
  const states = (): string[] => watch.records<StackStatus>().map(({ state }) => state);
  await watch.until("the first record", () => watch.lines.length > 0);
  expect(states()).toEqual(["stopped"]);
  await rig.run(["server", "start"]);
  await watch.until("a ready stack", () => states().at(-1) === "ready");

  const killed = rig.pid("workflow-runner");
  process.kill(killed, "SIGKILL");
  await watch.until("a runner that was restarted", () => {
    const runner = watch.records<StackStatus>().at(-1)?.components[1];
    return runner?.restarts === 1 && runner.state === "ready";
  });
  await rig.run(["server", "stop"]);
  await watch.until("a stopped stack", () => states().at(-1) === "stopped");
  expect(await watch.interrupt()).toBe(130);
  expect(watch.stderr).toBe("");

  const records = watch.records<StackStatus & { type: string }>();
  expect(records.flatMap((record) => faultsOf("status-record.json", record))).toEqual([]);
  expect(records.map(({ type }) => type)).toEqual(records.map(() => "status"));
  const texts = watch.lines;
  expect(texts.filter((line, index) => line === texts[index - 1])).toEqual([]); // A record is a change.
  expect(states()).toContain("degraded");
  expect(await rig.dispose()).toEqual([]);
});

test("after SIGKILL of the server status says degraded within 2 s, to who asks and to who watches", async () => {
  const rig = new StackRig();
  await rig.run(["server", "start"]);
  const watch = new RunningCommand(rig.spawn(["server", "status", "--watch", "--json"]));
  await watch.until("the first record", () => watch.lines.length > 0);
  const killedMs = performance.now();
  process.kill(rig.pid("daemon"), "SIGKILL");
  const told = watch.until("a degraded stack", () => watch.records<StackStatus>().at(-1)?.state === "degraded");
  const asked = await rig.status();
  expect(asked).toMatchObject({ exitCode: 1, state: "degraded" });
  await told;
  expect(performance.now() - killedMs).toBeLessThan(DEGRADED_LIMIT_MS);
  const [server, runner, agent] = asked.components;
  expect(server).toMatchObject({ state: "stopped", message: expect.stringContaining("gone") });
  for (const orphan of [runner, agent]) expect(orphan).toMatchObject({ message: "it runs without its server" });
  expect(await watch.interrupt()).toBe(130);
  expect(await rig.dispose()).toEqual([]);
});
