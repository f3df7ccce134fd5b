import { mkdirSync, writeFileSync } from "node:fs";
import type { ExecutionEvent } from "@stigmer/agent-runner/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { DefinitionIssue } from "../../src/errors.ts";
import { faultsOf } from "../support/envelope.ts";
import { StackRig } from "../support/stack-rig.ts";

const EXAMPLES = new URL("../../examples", import.meta.url).pathname;

interface Applied {
  dryRun: boolean;
  results: { kind: string; name: string; action: string; file: string }[];
}

const scripted = (name: string, text: string): string => `apiVersion: stigmer/v1
kind: Agent
metadata: { name: ${name} }
spec:
  model:
    provider: scripted
    script: [{ text: "${text}" }]
`;

test("the hello example runs with no model service on a stopped stack, which it starts, and says that it is scripted", async () => {
  const rig = new StackRig();
  expect((await rig.run(["apply", "-f", EXAMPLES])).exitCode).toBe(0); // It starts the stack, too.
  expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
  const { exitCode, stdout, stderr } = await rig.run(["run", "--agent", "hello"]);
  expect(exitCode, stderr).toBe(0);
  expect((await rig.status()).state).toBe("ready");
  // The answer is on stdout, all else on stderr.
  expect(stdout).toMatch(/^I am scripted/);
  expect(stdout).toContain("All of it worked");
  expect(stdout).not.toMatch(/Execution ID|file_write|file_read|shell done|stigmer-server/);
  expect(stderr).toContain("agent-runner");
  expect(stderr).toMatch(/Execution ID: [\w-]+\n/);
  expect(stderr).toContain("Scripted model");
  for (const tool of ["file_write", "file_read", "shell"]) expect(stderr).toContain(`${tool} done`);
  expect(rig.read("data", "workspace", "hello", "greeting.txt")).toBe("Hello from stigmer!\n");
  expect(await rig.dispose()).toEqual([]);
});

describe("with a running stack", () => {
  const rig = new StackRig({ config: "server: { port: 0 }\nagent_runner: { runtime: process }\n" });

  beforeAll(async () => {
    const { exitCode, stderr } = await rig.run(["server", "start"]);
    expect(exitCode, stderr).toBe(0);
  });

  afterAll(async () => {
    expect(await rig.dispose()).toEqual([]);
  });

  async function agentNames(): Promise<string[]> {
    const { envelope } = await rig.json<{ agents: { name: string }[] }>(["agent", "list"]);
    return envelope.data.agents.map(({ name }) => name);
  }

  async function actions(args: string[], input?: string): Promise<Record<string, string>> {
    const { envelope, stdout } = await rig.json<Applied>(["apply", ...args], input === undefined ? {} : { input });
    expect(envelope.status, stdout).toBe("ok");
    return Object.fromEntries(envelope.data.results.map(({ name, action }) => [name, action]));
  }

  test("a dry run of apply writes nothing; apply says created, then unchanged, then updated", async () => {
    const file = rig.path("changing.yaml");
    writeFileSync(file, scripted("changing", "one"));
    expect(await actions(["-f", file, "--dry-run"])).toEqual({ changing: "created" });
    expect(await agentNames()).not.toContain("changing");
    expect(await actions(["-f", file])).toEqual({ changing: "created" });
    expect(await actions(["-f", file])).toEqual({ changing: "unchanged" });
    writeFileSync(file, `# a comment changes nothing\n${scripted("changing", "one")}`);
    expect(await actions(["-f", file])).toEqual({ changing: "unchanged" });
    writeFileSync(file, scripted("changing", "two"));
    expect(await actions(["-f", file, "--dry-run"])).toEqual({ changing: "updated" });
    expect((await rig.run(["run", "--agent", "changing"])).stdout).toBe("one\n");
    expect(await actions(["-f", file])).toEqual({ changing: "updated" });
    expect((await rig.run(["run", "--agent", "changing"])).stdout).toBe("two\n");
  });

  test("apply reads standard input, directories, several documents of a file, and JSON", async () => {
    expect(await actions(["-f", "-"], scripted("from-stdin", "x"))).toEqual({ "from-stdin": "created" });
    const folder = rig.path("definitions");
    mkdirSync(folder);
    writeFileSync(`${folder}/two.yaml`, `${scripted("first", "x")}---\n${scripted("second", "x")}`);
    const json = {
      apiVersion: "stigmer/v1",
      kind: "Agent",
      metadata: { name: "third" },
      spec: { model: { provider: "scripted", script: [{ text: "x" }] } },
    };
    writeFileSync(`${folder}/three.json`, JSON.stringify(json));
    writeFileSync(`${folder}/README.md`, "not a definition");
    expect(await actions(["-f", folder])).toEqual({ first: "created", second: "created", third: "created" });
  });

  test("one bad definition among good ones: file, line, field and nearest name are said, and nothing is written", async () => {
    const folder = rig.path("with-mistakes");
    mkdirSync(folder);
    writeFileSync(`${folder}/good.yaml`, scripted("good-one", "x"));
    writeFileSync(
      `${folder}/bad.yaml`,
      `${scripted("bad-one", "x")}  tools: [shel]\n  limits:\n    max_stepz: 3\n  instructions: 5\n`,
    );
    const before = await agentNames();
    const { exitCode, envelope } = await rig.json(["apply", "-f", folder]);
    expect([exitCode, envelope.error?.code]).toEqual([2, "DEFINITION_INVALID"]);
    const issues: DefinitionIssue[] = envelope.error?.issues ?? [];
    const file = `${folder}/bad.yaml`;
    expect(issues).toHaveLength(3);
    expect(issues).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ file, line: 8, field: expect.stringContaining("tools"), suggestion: "shell" }),
        expect.objectContaining({
          file,
          line: 10,
          field: expect.stringContaining("max_stepz"),
          suggestion: "max_steps",
        }),
        expect.objectContaining({ file, line: 11, field: expect.stringContaining("instructions") }),
      ]),
    );
    const text = await rig.run(["apply", "-f", folder]);
    expect([text.exitCode, text.stdout]).toEqual([2, ""]);
    for (const line of [8, 10, 11]) expect(text.stderr).toContain(`${file}:${line}`);
    expect(await agentNames()).toEqual(before);
  });

  test("agents are listed, shown and deleted; an unknown one is NOT_FOUND with the nearest name", async () => {
    await actions(["-f", "-"], scripted("librarian", "x"));
    expect(await agentNames()).toContain("librarian");
    const shown = await rig.json<{ agent: { metadata: unknown } }>(["agent", "show", "librarian"]);
    expect(shown.envelope.data.agent).toMatchObject({ kind: "Agent", metadata: { name: "librarian" } });
    const text = await rig.run(["agent", "show", "librarian"]);
    expect(parse(text.stdout), text.stderr).toEqual(shown.envelope.data.agent);
    for (const args of [
      ["agent", "show", "libarian"],
      ["agent", "delete", "libarian"],
      ["run", "--agent", "libarian"],
    ]) {
      const { exitCode, envelope } = await rig.json(args);
      expect([args, exitCode, envelope.error?.code]).toEqual([args, 1, "NOT_FOUND"]);
      expect(envelope.error?.message).toContain("did you mean librarian?");
    }
    const deleted = await rig.json(["agent", "delete", "librarian"]);
    expect([deleted.exitCode, deleted.envelope.data]).toEqual([0, { name: "librarian" }]);
    expect(await agentNames()).not.toContain("librarian");
  });

  test("run --json prints the events, numbered without a gap, with one terminal event; the stored ones are the same", async () => {
    await actions(["-f", EXAMPLES]);
    const { exitCode, stdout } = await rig.run(["run", "--agent", "hello", "--json"]);
    expect(exitCode).toBe(0);
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((line): ExecutionEvent => JSON.parse(line));
    expect(events.flatMap((event) => faultsOf("execution-event.json", event))).toEqual([]);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    const isTerminal = ({ type }: ExecutionEvent) => /^execution\.(succeeded|failed|cancelled|timed_out)$/.test(type);
    expect(events.filter(isTerminal)).toEqual([events.at(-1)]);
    const id = events[0]?.executionId ?? "";
    const stored = await rig.json<{ events: ExecutionEvent[] }>(["execution", "events", id]);
    expect(stored.envelope.data.events).toEqual(events);
    const after = await rig.json<{ events: ExecutionEvent[] }>(["execution", "events", id, "--after", "3"]);
    expect(after.envelope.data.events).toEqual(events.slice(3));
    const followed = await rig.run(["execution", "events", id, "-f", "--json"]);
    expect([followed.exitCode, followed.stdout]).toEqual([0, stdout]);
  });

  test("--detach prints the id alone and at once; events -f follows to the end, show and list tell how it ended", async () => {
    const detached = await rig.run(["run", "--agent", "hello", "--detach"]);
    expect([detached.exitCode, detached.stdout]).toEqual([0, expect.stringMatching(/^[\w-]+\n$/)]);
    const id = detached.stdout.trim();
    const followed = await rig.run(["execution", "events", "-f", id]);
    expect(followed.exitCode).toBe(0);
    expect(followed.stdout.trimEnd().split("\n").at(-1)).toContain("execution.succeeded");
    const { envelope } = await rig.json<{ execution: object }>(["execution", "show", id]);
    expect(envelope.data.execution).toMatchObject({
      id,
      kind: "agent",
      name: "hello",
      phase: "succeeded",
      error: null,
    });
    const list = await rig.json<{ executions: { id: string }[] }>(["execution", "list"]);
    expect(list.envelope.data.executions[0]).toMatchObject({ id, name: "hello", phase: "succeeded" });
    // An ended execution cannot be cancelled any more, which is no failure.
    const cancel = await rig.json(["execution", "cancel", id]);
    expect([cancel.exitCode, cancel.envelope.data]).toEqual([0, { executionId: id, phase: "succeeded" }]);
  });

  test("executions are listed newest first, in pages that join without gap or repeat", async () => {
    await actions(["-f", "-"], scripted("quick", "x"));
    for (let count = 0; count < 4; count += 1) await rig.run(["run", "--agent", "quick"]);
    interface Page {
      executions: { id: string; createdAt: string }[];
      nextCursor: string | null;
    }
    const whole = (await rig.json<Page>(["execution", "list"])).envelope.data;
    expect(whole.nextCursor).toBeNull();
    const times = whole.executions.map(({ createdAt }) => createdAt);
    expect(times).toEqual([...times].sort().reverse());
    const ids: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const from: string[] = cursor === "" ? [] : ["--cursor", cursor];
      const page: Page = (await rig.json<Page>(["execution", "list", "--limit", "2", ...from])).envelope.data;
      expect(page.executions.length).toBeLessThanOrEqual(2);
      ids.push(...page.executions.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect(ids).toEqual(whole.executions.map(({ id }) => id));
  });

  test("a message can come from standard input", async () => {
    const { exitCode, stdout } = await rig.run(["run", "--agent", "quick", "-m", "-"], { input: "typed\n" });
    expect([exitCode, stdout]).toEqual([0, "x\n"]);
    const list = await rig.json<{ executions: { id: string }[] }>(["execution", "list", "--limit", "1"]);
    const id = list.envelope.data.executions[0]?.id ?? "";
    const shown = await rig.json<{ execution: { input: unknown } }>(["execution", "show", id]);
    expect(shown.envelope.data.execution.input).toEqual({ message: "typed" });
  });
});
