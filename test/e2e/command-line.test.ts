import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readEnvelope } from "../support/envelope.ts";
import { StackRig } from "../support/stack-rig.ts";

const MANIFEST = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

/** Each command as it is promised, with its flags. */
const COMMANDS: [command: string, flags: string[]][] = [
  ["server start", ["--build", "--pull", "--runtime", "--timeout", "--dry-run"]],
  ["server stop", ["--component", "--timeout", "--force", "--dry-run"]],
  ["server restart", ["--component", "--timeout"]],
  ["server status", ["--watch"]],
  [
    "server logs",
    ["-c, --component", "-f, --follow", "-n, --tail", "--since", "--until", "--grep", "--level", "--timestamps"],
  ],
  ["image build", ["--no-cache", "--base", "--tag"]],
  ["image pull", ["[reference]"]],
  ["image push", ["<reference>"]],
  ["image status", []],
  ["doctor", ["--bundle"]],
  ["config get", ["<key>"]],
  ["config set", ["<key>", "<value>"]],
  ["config unset", ["<key>"]],
  ["config list", []],
  ["config path", []],
  ["apply", ["-f, --file", "--dry-run"]],
  ["agent list", []],
  ["agent show", ["<name>"]],
  ["agent delete", ["<name>"]],
  ["workflow list", []],
  ["workflow show", ["<name>"]],
  ["workflow delete", ["<name>"]],
  ["workflow validate", ["<file>"]],
  [
    "run",
    [
      "--agent",
      "--workflow",
      "-m, --message",
      "-i, --input",
      "--session",
      "-e, --env",
      "--detach",
      "--timeout",
      "--no-start",
    ],
  ],
  ["execution list", ["--limit", "--cursor", "--phase"]],
  ["execution show", ["<id>"]],
  ["execution events", ["<id>", "-f, --follow", "--after"]],
  ["execution cancel", ["<id>"]],
  ["deploy generate", ["<file>"]],
  ["deploy up", ["<file>"]],
  ["deploy down", ["<name>"]],
  ["deploy status", ["<name>"]],
  ["completion", ["<shell>"]],
];
const GLOBAL_FLAGS = ["--home", "--json", "-q, --quiet", "--debug", "--no-color", "--help"];

describe("without a stack", () => {
  const rig = new StackRig();

  afterAll(async () => {
    expect(rig.has("data")).toBe(false); // None of these may have made anything.
    expect(await rig.dispose()).toEqual([]);
  });

  test("--version prints the version of the package", async () => {
    expect(await rig.run(["--version"])).toEqual({ exitCode: 0, stdout: `${MANIFEST.version}\n`, stderr: "" });
  });

  test("--help names every command", async () => {
    const { exitCode, stdout, stderr } = await rig.run(["--help"]);
    expect([exitCode, stderr]).toEqual([0, ""]);
    for (const [command] of COMMANDS) {
      const [first = "", second = ""] = command.split(" ");
      // A group may list its commands in one line: `agent   list, show, delete`.
      expect(stdout).toMatch(new RegExp(`^ +(${command}\\b|${first} .*\\b${second}\\b)`, "m"));
    }
  });

  test("help of a command names its flags and the global ones", async () => {
    for (const [command, flags] of COMMANDS) {
      const { exitCode, stdout, stderr } = await rig.run([...command.split(" "), "--help"]);
      expect([command, exitCode, stderr]).toEqual([command, 0, ""]);
      const missing = [...flags, ...GLOBAL_FLAGS].filter((flag) => !stdout.includes(flag));
      expect([command, missing]).toEqual([command, []]);
    }
  });

  test.each([
    ["sevrer start", "Did you mean server?"],
    ["server strat", "Did you mean start?"],
    ["server start --biuld", "Did you mean --build?"],
    ["server start now", "Too many arguments"],
    ["server start --runtime podman", "docker or process"],
    ["server start --timeout soon", "30s, 10m or 1h30m"],
    ["server logs --since yesterday", "30s, 10m, 1h30m or 20"],
    ["server logs --until 12:00", "30s, 10m, 1h30m or 20"],
    ["server logs --grep (", "no regular expression"],
    ["server logs -n some", "100, or all"],
    ["server logs -c agent-runer", "did you mean agent-runner?"],
    ["server stop --component workflow-runer", "did you mean workflow-runner?"],
    ["server restart --component web", "The components are stigmer-server, workflow-runner, agent-runner"],
    ["server stop --component stigmer-server", "stigmer server stop"],
    ["completion powershell", "bash or zsh or fish"],
    ["apply", "--file"],
    ["apply -f /no/such/file.yaml", "/no/such/file.yaml"],
    ["run", "--agent NAME or --workflow NAME"],
    ["run --agent a --workflow w", "--agent NAME or --workflow NAME"],
    ["run --agent a -i key=value", "-m TEXT"],
    ["run --agent a -e novalue", "NAME=VALUE"],
    ["execution list --limit 0", "from 1 to 1000"],
    ["execution list --phase done", "queued or running"],
    ["execution events x --after -1", "--after"],
  ])("%s is a usage error with exit 2, an empty stdout and a way on", async (line, text) => {
    const words = line.split(" ");
    const [plain, json] = await Promise.all([rig.run(words), rig.run([...words, "--json"])]);
    expect([plain.exitCode, plain.stdout]).toEqual([2, ""]);
    expect(plain.stderr).toContain(text);
    const envelope = readEnvelope(json.stdout);
    expect(envelope).toMatchObject({ status: "error", data: null, error: { code: "USAGE" } });
    expect([json.exitCode, json.stderr]).toEqual([2, ""]);
  });

  test("--json works before, between and after the words of a command", async () => {
    for (const args of [
      ["--json", "config", "path"],
      ["config", "--json", "path"],
      ["config", "path", "--json"],
    ]) {
      const { exitCode, stdout } = await rig.run(args);
      expect(exitCode).toBe(0);
      expect(readEnvelope(stdout)).toMatchObject({ command: "config path", data: { path: rig.path("config.yaml") } });
    }
  });

  test("--home wins over STIGMER_HOME", async () => {
    const other = rig.path("other home");
    for (const args of [
      ["--home", other, "config", "path"],
      ["config", "path", "--home", other],
      ["config", "path", `--home=${other}`],
    ]) {
      expect((await rig.run(args)).stdout).toBe(`${other}/config.yaml\n`);
    }
    expect((await rig.run(["config", "path"])).stdout).toBe(`${rig.path("config.yaml")}\n`);
  });

  test("a command that is told not to start the stack exits 3 and starts nothing", async () => {
    for (const line of [
      "run --agent hello",
      "apply -f examples",
      "agent list",
      "agent show hello",
      "agent delete hello",
      "workflow list",
      "workflow show fork-join",
      "workflow delete fork-join",
      "execution list",
      "execution show x",
      "execution events x -f",
      "execution cancel x",
    ]) {
      const args = line.split(" ").map((word) => (word === "examples" ? EXAMPLES : word));
      const { exitCode, envelope, stderr } = await rig.json([...args, "--no-start"]);
      expect([line, exitCode, envelope.error?.code, stderr]).toEqual([line, 3, "NOT_RUNNING", ""]);
      expect(JSON.stringify(envelope.error?.actions)).toContain("stigmer server start");
    }
  });
});

const EXAMPLES = new URL("../../examples", import.meta.url).pathname;

describe("with a running stack, --json prints exactly one envelope that its schema knows", () => {
  const rig = new StackRig();
  let executionId = "";

  beforeAll(async () => {
    expect((await rig.run(["apply", "-f", EXAMPLES])).exitCode).toBe(0);
    const detached = await rig.json<{ executionId: string }>(["run", "--agent", "hello", "--detach"]);
    ({ executionId } = detached.envelope.data);
    expect((await rig.run(["execution", "events", "-f", executionId])).exitCode).toBe(0);
  });

  afterAll(async () => {
    expect(await rig.dispose()).toEqual([]);
  });

  test.each([
    ["server start", 0],
    ["server start --dry-run", 0],
    ["server status", 0],
    ["server stop --dry-run", 0],
    ["server restart --component workflow-runner", 0],
    ["image status", 0],
    ["image push localhost:1/e2e/none:1", 1],
    ["image pull localhost:1/e2e/none:1", 1],
    ["doctor", 0],
    ["config get server.port", 0],
    ["config get server.prot", 2],
    ["config set llm.model m", 0],
    ["config set server.port high", 2],
    ["config unset llm.model", 0],
    ["config list", 0],
    ["config path", 0],
    ["completion bash", 0],
    ["apply -f EXAMPLES --dry-run", 0],
    ["apply -f EXAMPLES", 0],
    ["apply -f EXAMPLES/../package.json", 2],
    ["agent list", 0],
    ["agent show hello", 0],
    ["agent show helo", 1],
    ["workflow list", 0],
    ["workflow show fork-join", 0],
    ["workflow show fork-jon", 1],
    ["workflow validate EXAMPLES/fork-join.yaml", 0],
    ["workflow validate EXAMPLES/hello.yaml", 2],
    ["workflow delete fork-join", 0],
    ["workflow delete fork-join", 1],
    ["run --agent hello --detach", 0],
    ["run --agent helo", 1],
    ["execution list", 0],
    ["execution list --limit 1 --phase succeeded", 0],
    ["execution list --cursor garbage", 2],
    ["execution show ID", 0],
    ["execution show nothing", 1],
    ["execution events ID", 0],
    ["execution events nothing -f", 1],
    ["execution cancel ID", 0],
    ["execution cancel nothing", 1],
    ["agent delete pr-reviewer", 0],
    ["agent delete pr-reviewer", 1],
    ["server stop --component agent-runner", 0],
    ["server status", 1],
    ["server stop", 0],
    ["server status", 3],
    ["server stop", 0],
    ["server stop --component agent-runner", 0],
  ])("%s exits %i", async (line, exitCode) => {
    const words = line.split(" ").map((word) => word.replace("EXAMPLES", EXAMPLES).replace(/^ID$/, executionId));
    const result = await rig.run([...words, "--json"]);
    const envelope = readEnvelope(result.stdout);
    expect(result.exitCode, result.stdout).toBe(exitCode);
    expect(line.startsWith(envelope.command)).toBe(true);
    // A status is an answer, whatever it says.
    const isAnswer = exitCode === 0 || line === "server status";
    expect(envelope).toMatchObject(isAnswer ? { status: "ok", error: null } : { status: "error", data: null });
    // What is wrong in a command line or a definition is said; for everything else there is a next step.
    const { code = "", hint = null, actions = [] } = envelope.error ?? {};
    if (!isAnswer && !/^(USAGE|DEFINITION_INVALID)$/.test(code)) expect(hint ?? actions[0] ?? null).not.toBeNull();
  });
});
