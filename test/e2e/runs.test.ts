import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { ExecutionEvent } from "@stigmer/agent-runner/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FakeAnswer, FakeModel } from "../support/fake-model.ts";
import { freePort } from "../support/free-port.ts";
import { RunningCommand } from "../support/running-command.ts";
import { docker, StackRig } from "../support/stack-rig.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

/** A cancelled run has 2 s to end; the rest is a machine that is busy with other tests. */
const CANCEL_LIMIT_MS = 5_000;

const EXAMPLES = new URL("../../examples", import.meta.url).pathname;

describe("runs in a stack with its container", () => {
  const rig = new StackRig();

  beforeAll(async () => {
    const { exitCode, stderr } = await rig.run(["server", "start"]);
    expect(exitCode, stderr).toBe(0);
  });

  afterAll(async () => {
    expect(await rig.dispose()).toEqual([]);
  });

  async function apply(name: string, spec: object): Promise<void> {
    const agent = { apiVersion: "stigmer/v1", kind: "Agent", metadata: { name }, spec };
    const { exitCode, stderr } = await rig.run(["apply", "-f", "-"], { input: JSON.stringify(agent) });
    expect(exitCode, stderr).toBe(0);
  }

  /** An agent of this name whose model answers so. */
  async function agentWith(name: string, answers: FakeAnswer[], spec: object = {}): Promise<FakeModel> {
    const model = await FakeModel.start(answers);
    await apply(name, { model: { provider: "openai-compatible", name: "fake", base_url: model.url }, ...spec });
    return model;
  }

  function attach(...args: string[]): RunningCommand {
    return new RunningCommand(rig.spawn(["run", ...args]));
  }

  async function phaseOf(id: string): Promise<string> {
    const { envelope } = await rig.json<{ execution: { phase: string } }>(["execution", "show", id]);
    return envelope.data.execution.phase;
  }

  async function eventsOf(id: string): Promise<ExecutionEvent[]> {
    const { envelope } = await rig.json<{ events: ExecutionEvent[] }>(["execution", "events", id]);
    return envelope.data.events;
  }

  test("an answer that its service cut is printed with a warning, and the event says why", async () => {
    const model = await agentWith("cut-short", [{ text: "Half of", stop: "length" }]);
    const run = await rig.run(["run", "--agent", "cut-short", "-q"]);
    expect(run).toMatchObject({ exitCode: 0, stdout: "Half of\n" });
    expect(run.stderr).toContain("Warning: the answer is cut: the model came to its limit of tokens (max_tokens)\n");
    const events = await rig.run(["run", "--agent", "cut-short", "--json"]);
    expect(events.stdout).toContain('"data":{"text":"Half of","cut":"length"}');
    await model.stop();
  });

  test("words are printed as the model produces them, and Ctrl-C ends the model's call", async () => {
    const model = await agentWith("thinker", [{ silentAfter: "first words" }]);
    const run = attach("--agent", "thinker");
    await run.until("the first words", ({ stdout }) => stdout === "first words");
    expect(await run.interrupt()).toBe(130);
    expect(run.stdout).toBe("first words\n");
    expect(await phaseOf(idOf(run))).toBe("cancelled");
    await model.until("the runner to hang up", () => model.hangUps === 1);
    await model.stop();
  });

  test("Ctrl-C on a run cancels it within 2 s, and of its shell command no process is left; exit 130", async () => {
    const mark = `600.${process.pid}1`;
    await apply("sleeper", { model: scripted({ shell: `sleep ${mark} & sleep ${mark}` }), tools: ["shell"] });
    const run = attach("--agent", "sleeper");
    await untilSleeping(run, mark, 2);
    const interruptedMs = performance.now();
    expect(await run.interrupt()).toBe(130);
    expect(performance.now() - interruptedMs).toBeLessThan(CANCEL_LIMIT_MS);
    expect(sleepers(mark)).toEqual([]);
    expect(await phaseOf(idOf(run))).toBe("cancelled");
    expect(run.stderr).toContain("cancelled");
  });

  test("execution cancel ends the run with exit 10, and its shell command is gone", async () => {
    const mark = `600.${process.pid}2`;
    await apply("sleeper", { model: scripted({ shell: `sleep ${mark}` }), tools: ["shell"] });
    const run = attach("--agent", "sleeper");
    await untilSleeping(run, mark, 1);
    const cancel = await rig.json(["execution", "cancel", idOf(run)]);
    expect([cancel.exitCode, cancel.envelope.data]).toEqual([0, { executionId: idOf(run), phase: "cancelled" }]);
    expect(await run.ended).toBe(10);
    expect(sleepers(mark)).toEqual([]);
  });

  test("an execution over its time ends timed_out, run exits 8, and its shell command is gone", async () => {
    const mark = `600.${process.pid}3`;
    await apply("sleeper", { model: scripted({ shell: `sleep ${mark}` }), tools: ["shell"] });
    const run = attach("--agent", "sleeper", "--timeout", "1s");
    expect(await run.ended).toBe(8);
    expect(await phaseOf(idOf(run))).toBe("timed_out");
    expect(sleepers(mark)).toEqual([]);
  });

  test("a model call that fails with 429 and 500 is retried and told as step.retried", async () => {
    const busy = { status: 429, headers: { "retry-after": "0" } };
    const model = await agentWith("patient", [busy, { status: 500 }, { text: "at last" }]);
    const { exitCode, stdout, stderr } = await rig.run(["run", "--agent", "patient", "--json"]);
    expect(exitCode, stderr).toBe(0);
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((line): ExecutionEvent => JSON.parse(line));
    expect(events.filter(({ type }) => type === "step.retried").map(({ data }) => data["attempt"])).toEqual([2, 3]);
    expect(model.requests).toHaveLength(3);
    await model.stop();
  });

  test("a model that refuses ends the execution as failed with exit 9, and a 400 is not repeated", async () => {
    const model = await agentWith("refused", [{ status: 400, error: "no such parameter: fancy" }]);
    const { exitCode, stdout, stderr } = await rig.run(["run", "--agent", "refused"]);
    expect([exitCode, stdout]).toEqual([9, ""]);
    expect(stderr).toContain("no such parameter: fancy");
    expect(stderr).toContain("stigmer execution show");
    expect(model.requests).toHaveLength(1);
    await model.stop();
  });

  test("an unreachable model service is LLM_UNAVAILABLE and its URL is named; a missing key by its variable", async () => {
    const url = `http://127.0.0.1:${await freePort()}/v1`;
    await apply("lonely", { model: { provider: "openai-compatible", name: "m", base_url: url } });
    const run = await rig.run(["run", "--agent", "lonely"]);
    expect([run.exitCode, run.stdout]).toEqual([9, ""]);
    expect(run.stderr).toContain("LLM_UNAVAILABLE");
    expect(run.stderr).toContain(url);
    await apply("keyless", { model: { provider: "anthropic", name: "m", api_key_env: "E2E_NO_SUCH_KEY" } });
    const keyless = await rig.json(["run", "--agent", "keyless"]);
    expect([keyless.exitCode, keyless.envelope.error?.code]).toEqual([1, "LLM_UNAVAILABLE"]);
    expect(keyless.envelope.error?.message).toContain("E2E_NO_SUCH_KEY");
  });

  test("tools write and read inside the workspace; what is outside is refused and told to the model", async () => {
    const calls = [
      { name: "file_write", arguments: { path: "tools/a.txt", content: "inside" } },
      { name: "file_read", arguments: { path: "../../etc/passwd" } },
      { name: "shell", arguments: { command: "ln -s /etc tools/link; cat tools/a.txt; exit 7" } },
      { name: "file_read", arguments: { path: "tools/link/passwd" } },
    ];
    const model = await agentWith(
      "worker",
      [...calls.map((call) => ({ text: "", toolCalls: [call] })), { text: "done" }],
      { tools: ["file_write", "file_read", "shell"] },
    );
    const { exitCode, stdout, stderr } = await rig.run(["run", "--agent", "worker"]);
    expect([exitCode, stdout], stderr).toEqual([0, "done\n"]);
    expect(rig.read("data", "workspace", "tools", "a.txt")).toBe("inside");
    const told = (model.requests.at(-1)?.body.messages ?? []).filter(({ role }) => role === "tool");
    expect(told).toHaveLength(4);
    const [, outside, shell, byLink] = told.map(({ content }) => JSON.stringify(content));
    expect(outside).toContain("outside the workspace");
    expect(byLink).toContain("outside the workspace");
    expect(shell).toContain("exit code: 7");
    expect(shell).toContain("inside");
    expect(JSON.stringify(told)).not.toContain("root:");
    await model.stop();
  });

  test("the server is killed in the middle and started again: the attached run goes on, with no gap in the events", async () => {
    const wait = "echo waiting > waiting; while [ ! -e go ]; do sleep 0.05; done; echo it went on";
    await apply("waiter", { model: scripted({ text: "before. ", shell: wait }, { text: "after." }), tools: ["shell"] });
    const run = attach("--agent", "waiter", "--json");
    await run.until("the tool", ({ stdout }) => stdout.includes("tool.started"));
    process.kill(rig.pid("daemon"), "SIGKILL");
    await run.until("the news", ({ stderr }) => stderr.includes("The server died"));
    expect((await rig.run(["server", "start"])).exitCode).toBe(0);
    await run.until("the return", ({ stderr }) => stderr.includes("The server is back"));
    writeFileSync(rig.path("data", "workspace", "go"), "");
    expect(await run.ended).toBe(0);
    const events = run.records<ExecutionEvent>();
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.filter(({ type }) => type === "tool.started")).toHaveLength(1);
    expect(events.at(-1)?.type).toBe("execution.succeeded");
    expect(await eventsOf(events[0]?.executionId ?? "")).toEqual(events);
  });

  test("the runner is killed during a model call: the execution goes on, and the finished tool step is not run again", async () => {
    const count = { name: "shell", arguments: { command: "echo once >> counted" } };
    const model = await agentWith(
      "survivor",
      [{ text: "", toolCalls: [count] }, { silentAfter: "half an" }, { text: "a whole answer" }],
      { tools: ["shell"] },
    );
    const run = attach("--agent", "survivor");
    await run.until("the half answer", ({ stdout }) => stdout.includes("half an"));
    process.kill(Number(await docker("inspect", "-f", "{{.State.Pid}}", rig.containerId())), "SIGKILL");
    expect(await run.ended).toBe(0);
    expect(run.stdout.trimEnd().split("\n").at(-1)).toBe("a whole answer");
    expect(rig.read("data", "workspace", "counted")).toBe("once\n");
    expect((await eventsOf(idOf(run))).filter(({ type }) => type === "tool.completed")).toHaveLength(1);
    await model.stop();
  });

  test("--session keeps the conversation, also over a restart of the server", async () => {
    const model = await agentWith("friend", [{ text: "hello Ada" }, { text: "you are Ada" }]);
    expect((await rig.run(["run", "--agent", "friend", "--session", "s1", "-m", "I am Ada"])).exitCode).toBe(0);
    process.kill(rig.pid("daemon"), "SIGKILL");
    expect((await rig.run(["server", "start"])).exitCode).toBe(0);
    const again = await rig.run(["run", "--agent", "friend", "--session", "s1", "-m", "Who am I?"]);
    expect([again.exitCode, again.stdout]).toEqual([0, "you are Ada\n"]);
    const told = JSON.stringify(model.requests[1]?.body.messages);
    for (const words of ["I am Ada", "hello Ada", "Who am I?"]) expect(told).toContain(words);
    await rig.run(["run", "--agent", "friend", "--session", "s2", "-m", "And now?"]);
    expect(JSON.stringify(model.requests[2]?.body.messages)).not.toContain("Ada");
    await model.stop();
  });

  test("a variable given with -e reaches the tools; a missing required one is named", async () => {
    const model = scripted({ shell: 'echo "greeting: $GREETING"' }, { text: "done" });
    await apply("greeter", { model, tools: ["shell"], env: [{ name: "GREETING", required: true }] });
    const without = await rig.json(["run", "--agent", "greeter"]);
    expect([without.exitCode, without.envelope.error?.code]).toEqual([2, "USAGE"]);
    expect(without.envelope.error?.message).toContain("GREETING");
    const { stdout, exitCode } = await rig.run(["run", "--agent", "greeter", "-e", "GREETING=good day", "--json"]);
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining("greeting: good day")]);
  });

  test("a stop while a run is attached ends it with 3 and its id; the execution goes on at the next start", async () => {
    const wait = "while [ ! -e go-on ]; do sleep 0.05; done; echo it went on";
    await apply("keeper", { model: scripted({ shell: wait }, { text: "the end" }), tools: ["shell"] });
    const run = attach("--agent", "keeper");
    await run.until("the tool", ({ stderr }) => stderr.includes("shell {"));
    expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
    expect(await run.ended).toBe(3);
    expect(run.stderr).toContain(`stigmer execution events -f ${idOf(run)}`);
    writeFileSync(rig.path("data", "workspace", "go-on"), "");
    expect((await rig.run(["server", "start"])).exitCode).toBe(0);
    expect((await rig.run(["execution", "events", "-f", idOf(run)])).exitCode).toBe(0);
    expect(await phaseOf(idOf(run))).toBe("succeeded");
  });
});

test("pr-reviewer reviews a git repository of the user's with a model of Ollama's protocol", async () => {
  await using repository = await temporaryDirectory();
  const git = (...args: string[]): string =>
    execFileSync("git", [
      "-C",
      repository.path,
      "-c",
      "user.name=Ada",
      "-c",
      "user.email=ada@example.org",
      ...args,
    ]).toString();
  git("init", "-q", "-b", "main");
  writeFileSync(repository.file("add.js"), "export const add = (a, b) => a + b;\n");
  git("add", ".");
  git("commit", "-qm", "Add two numbers");
  writeFileSync(repository.file("add.js"), "export const add = (a, b) => a - b;\n");
  git("commit", "-qam", "Make it faster");
  execFileSync("chmod", ["-R", "a+rwX", repository.path]); // For the container's user.
  const before = git("status", "--short", "--branch");

  const model = await FakeModel.start([
    { text: "I look. ", toolCalls: [{ name: "shell", arguments: { command: "git show --stat --patch HEAD" } }] },
    {
      text: "",
      toolCalls: [
        { name: "file_search", arguments: { pattern: "add" } },
        { name: "file_read", arguments: { path: "add.js" } },
      ],
    },
    { text: ["## Summary\n", "It subtracts.\n\n## Verdict\n", "REQUEST CHANGES: add.js:1 subtracts"] },
  ]);
  const rig = new StackRig({
    config: `server: { port: 0 }\nllm: { model: fake, base_url: "${model.url}" }\nagent_runner: { workspace: "${repository.path}" }\n`,
  });
  const start = await rig.run(["server", "start"]);
  expect(start.exitCode, start.stderr).toBe(0);
  expect(start.stderr).toMatch(/Using Ollama, model fake: no API key needed/);
  expect(start.stderr).not.toContain("does not answer");
  expect((await rig.run(["apply", "-f", `${EXAMPLES}/pr-reviewer.yaml`])).exitCode).toBe(0);
  const run = await rig.run(["run", "--agent", "pr-reviewer", "-m", "Review the last commit"]);
  expect(run.exitCode, run.stderr).toBe(0);
  expect(run.stdout).toContain("REQUEST CHANGES: add.js:1 subtracts\n");
  expect(run.stderr).not.toContain("failed");
  const told = model.requests.at(-1)?.body.messages ?? [];
  expect(JSON.stringify(told[0])).toContain("You review a change");
  expect(JSON.stringify(told)).toContain("Review the last commit");
  const results = told.filter(({ role }) => role === "tool").map(({ content }) => JSON.stringify(content));
  expect(results).toHaveLength(3);
  expect(results[0]).toContain("Make it faster");
  expect(results[0]).toContain("+export const add = (a, b) => a - b;");
  expect(results[1]).toContain("add.js");
  expect(results[2]).toContain("a - b");
  expect(git("status", "--short", "--branch")).toBe(before);
  expect(await rig.dispose()).toEqual([]);
  await model.stop();
});

/** A scripted model: each entry an answer, with a shell command where it says so. */
function scripted(...entries: { text?: string; shell?: string }[]): object {
  const script = entries.map(({ text = "", shell }) =>
    shell === undefined ? { text } : { text, tool_calls: [{ tool: "shell", arguments: { command: shell } }] },
  );
  return { provider: "scripted", script };
}

function idOf(run: RunningCommand): string {
  return /Execution ID: ([\w-]+)/.exec(run.stderr)?.[1] ?? "";
}

/** Processes of `sleep` with this argument, in whatever container. */
function sleepers(mark: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, "utf8") === `sleep\0${mark}\0`;
      } catch {
        return false; // It ended while we looked.
      }
    })
    .map(Number);
}

/** The kernel tells nobody of a process of another's, so this one is looked for. */
async function untilSleeping(run: RunningCommand, mark: string, count: number): Promise<void> {
  await run.until("the tool", ({ stderr }) => stderr.includes(`sleep ${mark}`));
  await expect.poll(() => sleepers(mark).length, { timeout: 30_000 }).toBe(count);
}
