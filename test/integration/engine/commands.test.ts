import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { handle as deleteAgent } from "../../../src/cli/commands/agent/delete.ts";
import { handle as listAgents } from "../../../src/cli/commands/agent/list.ts";
import { handle as showAgent } from "../../../src/cli/commands/agent/show.ts";
import { type ApplyOptions, handle as apply } from "../../../src/cli/commands/apply.ts";
import { handle as cancelExecution } from "../../../src/cli/commands/execution/cancel.ts";
import { handle as executionEvents } from "../../../src/cli/commands/execution/events.ts";
import { handle as listExecutions } from "../../../src/cli/commands/execution/list.ts";
import { handle as showExecution } from "../../../src/cli/commands/execution/show.ts";
import { homePaths } from "../../../src/platform/paths.ts";
import { type CommandRigOptions, type CommandRun, runHandler } from "../../support/command-rig.ts";
import { startEngineApi } from "../../support/engine-api.ts";
import { applyAgent, createEngineRig, runRequest } from "../../support/engine-rig.ts";
import { answerWith, startScriptedWorker } from "../../support/scripted-worker.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const start = true;

test("apply reads files, directories and standard input, and tells created, unchanged and updated", async () => {
  await using api = await startEngineApi();
  await using directory = await temporaryDirectory();
  await mkdir(directory.file("agents/deeper"), { recursive: true });
  await writeFile(directory.file("one.yaml"), agentText("one"));
  await writeFile(directory.file("agents/b.yml"), agentText("b"));
  await writeFile(directory.file("agents/a.json"), JSON.stringify(agentObject("a")));
  await writeFile(directory.file("agents/readme.md"), "no definition");
  await writeFile(directory.file("agents/deeper/hidden.yaml"), "not: read");
  const rig = { paths: api.paths, cwd: directory.path, stdin: agentText("piped") };
  const first = await runApply(["one.yaml", "agents", "-", "./one.yaml"], rig);
  expect(first.result).toEqual({
    data: {
      dryRun: false,
      results: [
        { kind: "Agent", name: "one", action: "created", file: "one.yaml" },
        { kind: "Agent", name: "a", action: "created", file: "agents/a.json" },
        { kind: "Agent", name: "b", action: "created", file: "agents/b.yml" },
        { kind: "Agent", name: "piped", action: "created", file: "<stdin>" },
      ],
    },
    text: "agent/one created\nagent/a created\nagent/b created\nagent/piped created",
  });
  await writeFile(directory.file("one.yaml"), agentText("one", "changed"));
  const second = await runApply(["one.yaml", "agents"], rig);
  expect(second.result?.text).toBe("agent/one updated\nagent/a unchanged\nagent/b unchanged");
});

test("a dry run says what would change and writes nothing", async () => {
  await using api = await startEngineApi();
  await using directory = await temporaryDirectory();
  await writeFile(directory.file("one.yaml"), agentText("one"));
  const options = { files: ["one.yaml"], dryRun: true, start };
  const { result } = await runHandler(apply, options, { paths: api.paths, cwd: directory.path });
  expect(result?.text).toBe("agent/one created (dry run)");
  expect(api.rig.store.definitions.list("Agent")).toEqual([]);
});

test("one bad definition among good ones: every mistake of every file is told, and nothing is written", async () => {
  await using api = await startEngineApi();
  await using directory = await temporaryDirectory();
  await writeFile(directory.file("good.yaml"), agentText("good"));
  await writeFile(directory.file("bad.yaml"), agentText("bad").replace("instructions:", "instrutions:"));
  await writeFile(directory.file("worse.yaml"), "kind: Agent\n  broken");
  await writeFile(directory.file("again.yaml"), agentText("good"));
  const { error } = await runApply(["."], { paths: api.paths, cwd: directory.path });
  expect(error?.code).toBe("DEFINITION_INVALID");
  expect(new Set(error?.issues?.map(({ file }) => file))).toEqual(new Set(["bad.yaml", "good.yaml", "worse.yaml"]));
  expect(error?.issues?.find(({ file }) => file === "bad.yaml")).toMatchObject({ line: 5, suggestion: "instructions" });
  expect(error?.issues?.find(({ file }) => file === "good.yaml")?.message).toContain("again.yaml");
  expect(api.rig.store.definitions.list("Agent")).toEqual([]);
});

test.for([
  [["missing.yaml"], "missing.yaml does not exist"],
  [["empty"], "no *.yaml"],
] as const)("apply -f %s is a usage error", async ([files, message]) => {
  await using directory = await temporaryDirectory();
  await mkdir(directory.file("empty"));
  const { error } = await runApply([...files], { cwd: directory.path });
  expect(error).toMatchObject({ code: "USAGE", message: expect.stringContaining(message) });
});

test("agents are listed, shown as they can be applied, and deleted", async () => {
  await using api = await startEngineApi();
  const rig = { paths: api.paths };
  const none = await runHandler(listAgents, { start }, rig);
  expect(none.result).toEqual({ data: { agents: [] }, text: null });
  expect(none.stderr).toContain("stigmer apply -f");
  applyAgent(api.rig, "one", { description: "Does one thing" });
  const list = await runHandler(listAgents, { start }, rig);
  expect(list.result?.data).toMatchObject({ agents: [{ name: "one", description: "Does one thing" }] });
  expect(list.result?.text).toMatch(/^NAME +UPDATED +DESCRIPTION\none +\S+ +Does one thing$/);
  const shown = await runHandler(showAgent, { name: "one", start }, rig);
  expect(shown.result?.data).toMatchObject({ agent: { kind: "Agent", metadata: { name: "one" } } });
  expect(shown.result?.text).toContain("kind: Agent\n");
  const deleted = await runHandler(deleteAgent, { name: "one", start }, rig);
  expect(deleted.result).toEqual({ data: { name: "one" }, text: "agent/one deleted" });
  expect((await runHandler(showAgent, { name: "one", start }, rig)).error).toMatchObject({ code: "NOT_FOUND" });
});

test("a name with a slash is no other path", async () => {
  await using api = await startEngineApi();
  const { error } = await runHandler(showAgent, { name: "../executions?x", start }, { paths: api.paths });
  expect(error).toMatchObject({ code: "NOT_FOUND", message: expect.stringContaining("../executions?x") });
});

test("executions are listed in pages, shown and cancelled", async () => {
  await using api = await startEngineApi();
  applyAgent(api.rig, "hello");
  const ids = [];
  for (let count = 0; count < 3; count += 1) ids.push(await api.rig.engine.run(runRequest("hello")));
  const rig = { paths: api.paths };
  const first = await runHandler(listExecutions, { limit: 2, start }, rig);
  const data = first.result?.data as { executions: { id: string }[]; nextCursor: string };
  expect(data.executions.map(({ id }) => id)).toEqual([ids[2], ids[1]]);
  expect(first.stderr).toContain(`--cursor ${data.nextCursor}`);
  const second = await runHandler(listExecutions, { limit: 2, cursor: data.nextCursor, start }, rig);
  expect(second.result?.data).toMatchObject({ executions: [{ id: ids[0] }], nextCursor: null });
  const id = ids[0] ?? "";
  const cancelled = await runHandler(cancelExecution, { id, start }, rig);
  expect(cancelled.result).toEqual({ data: { executionId: id, phase: "cancelled" }, text: `${id} cancelled` });
  const shown = await runHandler(showExecution, { id, start }, rig);
  expect(shown.result?.data).toMatchObject({ execution: { id, phase: "cancelled", input: { message: "Start." } } });
  expect(shown.result?.text).toContain("phase:    cancelled");
  const narrowed = await runHandler(listExecutions, { limit: 9, phase: "cancelled", start }, rig);
  expect(narrowed.result?.data).toMatchObject({ executions: [{ id }] });
});

test("the events of an execution are one answer, or with -f a stream to its end", async () => {
  await using api = await startEngineApi();
  applyAgent(api.rig, "hello");
  const rig = { paths: api.paths };
  const id = await api.rig.engine.run(runRequest("hello"));
  const early = await runHandler(executionEvents, { id, follow: false, after: 0, start }, rig);
  expect(early.result?.data).toMatchObject({ events: [{ seq: 1, type: "execution.queued" }] });
  const following = runHandler(executionEvents, { id, follow: true, after: 1, start }, { ...rig, json: true });
  await using _worker = startScriptedWorker(api.rig.runner, answerWith("hi"));
  const { stdout, result } = await following;
  expect(result).toBeNull();
  const records = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index + 2));
  expect(records.at(-1)).toMatchObject({ type: "execution.succeeded", executionId: id });
  const ended = await runHandler(executionEvents, { id, follow: true, after: 999, start }, rig);
  expect([ended.stdout, ended.error]).toEqual(["", null]);
  const unknown = await runHandler(executionEvents, { id: "x", follow: true, after: 0, start }, rig);
  expect([unknown.stdout, unknown.error?.code]).toEqual(["", "NOT_FOUND"]);
});

test("with --no-start a stack that does not run is NOT_RUNNING", async () => {
  await using rig = await createEngineRig();
  const { error } = await runHandler(listAgents, { start: false }, { paths: homeOf(rig.databaseFile) });
  expect(error).toMatchObject({ code: "NOT_RUNNING" });
});

async function runApply(files: string[], rig: CommandRigOptions): Promise<CommandRun> {
  const options: ApplyOptions = { files, dryRun: false, start };
  return runHandler(apply, options, rig);
}

function agentText(name: string, instructions = "Say hello."): string {
  return `apiVersion: stigmer/v1
kind: Agent
metadata: { name: ${name} }
spec:
  instructions: ${instructions}
  model: { provider: scripted, script: [{ text: hi }] }
`;
}

function agentObject(name: string): object {
  const spec = { instructions: "Say hello.", model: { provider: "scripted", script: [{ text: "hi" }] } };
  return { apiVersion: "stigmer/v1", kind: "Agent", metadata: { name }, spec };
}

function homeOf(databaseFile: string) {
  return homePaths(join(databaseFile, ".."));
}
