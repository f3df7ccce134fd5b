import { describe, expect, test } from "vitest";
import type { CommandSpec } from "../../../src/cli/command-spec.ts";
import { matchFastPath } from "../../../src/cli/fast-path.ts";
import type { Invocation } from "../../../src/cli/invocation.ts";
import { parseCommandLine } from "../../../src/cli/program.ts";
import { ROOT_HELP } from "../../../src/cli/root-help.ts";
import { COMMANDS, GROUPS } from "../../../src/cli/table.ts";
import { AppError } from "../../../src/errors.ts";

const parse = (line: string) => parseCommandLine(line.split(" ").filter(Boolean), "1.2.3");

async function globalsOf(line: string) {
  const invocation = await parse(line);
  if (invocation.kind !== "command") throw new Error(`${line} is no command`);
  return invocation.globals;
}

/** Swaps the handler of a command for one that shows what it was given. */
async function valuesOf(line: string): Promise<Record<string, unknown>> {
  const invocation = await parse(line);
  if (invocation.kind !== "command") throw new Error(`${line} is no command`);
  const spec = COMMANDS.find(({ path }) => path === invocation.command) as {
    -readonly [K in keyof CommandSpec]: CommandSpec[K];
  };
  const original = spec.run;
  let seen: Record<string, unknown> = {};
  spec.run = async (values) => {
    seen = values;
    return null;
  };
  try {
    await invocation.run({} as Parameters<typeof invocation.run>[0]);
  } finally {
    spec.run = original;
  }
  return seen;
}

async function usageErrorOf(line: string): Promise<AppError> {
  const error: unknown = await parse(line).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AppError)) throw new Error(`${line} gave ${String(error)}`);
  expect(error.code).toBe("USAGE");
  return error;
}

describe("global flags", () => {
  test.each(["--json server stop", "server --json stop", "server stop --json"])("count anywhere: %s", async (line) =>
    expect(await globalsOf(line)).toMatchObject({ json: true, quiet: false, color: true }),
  );

  test("of two homes the one nearest to the end wins", async () => {
    expect((await globalsOf("--home /a server stop --home /b")).home).toBe("/b");
    expect((await globalsOf("--home /a server stop")).home).toBe("/a");
  });

  test("switch colour and noise off", async () => {
    expect(await globalsOf("--no-color server stop -q --debug")).toMatchObject({
      color: false,
      quiet: true,
      debug: true,
    });
  });
});

describe("handlers are given", () => {
  test("defaults for what was not said, and nothing for what has none", async () => {
    expect(await valuesOf("server start")).toEqual({ build: false, pull: false, timeoutMs: 60_000, dryRun: false });
    expect(await valuesOf("server logs")).toEqual({
      components: [],
      follow: false,
      tail: 50,
      sinceMs: null,
      untilMs: null,
      grep: null,
      level: null,
      timestamps: false,
    });
    expect(await valuesOf("run --agent a")).toEqual({
      agent: "a",
      input: [],
      env: [],
      detach: false,
      timeoutMs: null,
      start: true,
    });
  });

  test("times in milliseconds, numbers as numbers, patterns as regular expressions", async () => {
    expect(await valuesOf("server stop --timeout 1m30s --component agent-runner --force --dry-run")).toEqual({
      component: "agent-runner",
      timeoutMs: 90_000,
      force: true,
      dryRun: true,
    });
    const logs = await valuesOf("server logs -n all --grep ^x --since 2026-01-01T00:00:00Z --level warn");
    expect(logs).toMatchObject({ tail: "all", grep: /^x/, sinceMs: Date.UTC(2026, 0, 1), level: "warn" });
  });

  test("no time at all where it means: do not wait", async () => {
    expect(await valuesOf("deploy generate flow.yaml --sync-timeout 0s")).toMatchObject({ syncTimeoutMs: 0 });
  });

  test("repeated options as lists", async () => {
    const logs = await valuesOf("server logs -c agent-runner --component stigmer-server");
    expect(logs["components"]).toEqual(["agent-runner", "stigmer-server"]);
    expect((await valuesOf("apply -f a.yaml b.yaml -f -"))["files"]).toEqual(["a.yaml", "b.yaml", "-"]);
    expect((await valuesOf("run --agent a -e A=1 -e B=2"))["env"]).toEqual(["A=1", "B=2"]);
  });

  test("flags with a no as they are named", async () => {
    expect(await valuesOf("image build --no-cache")).toEqual({ noCache: true });
    expect(await valuesOf("image build")).toEqual({ noCache: false });
    expect((await valuesOf("apply -f x --no-start"))["start"]).toBe(false);
  });

  test("arguments by name", async () => {
    expect(await valuesOf("config set llm.model x")).toEqual({ key: "llm.model", value: "x" });
    expect(await valuesOf("image pull")).toEqual({});
    expect(await valuesOf("execution events abc --after 7 -f")).toEqual({
      id: "abc",
      follow: true,
      after: 7,
      start: true,
    });
  });

  test("text that looks like a global flag as text, when it is the value of an option", async () => {
    expect(await valuesOf("run --agent a -m --json")).toMatchObject({ message: "--json" });
  });
});

describe("wrong use names the remedy", () => {
  test.each([
    ["srver start", "Unknown command 'srver'", "Did you mean server?"],
    ["server strat", "Unknown command 'strat'", "Did you mean start?"],
    ["server status --wtach", "Unknown option '--wtach'", "Did you mean --watch?"],
    [
      "server stop --component agent-runer",
      'There is no component "agent-runer" (did you mean agent-runner?)',
      "The components are stigmer-server, workflow-runner, agent-runner, docker-runner, temporal",
    ],
  ])("%s", async (line, message, hint) => expect(await usageErrorOf(line)).toMatchObject({ message, hint }));

  test.each([
    ["server start --runtime podman", '--runtime must be docker or process, not "podman"'],
    ["completion tcsh", 'SHELL must be bash or zsh or fish, not "tcsh"'],
    ["server logs -n many", '--tail must be a number of lines such as 100, or all, not "many"'],
    ["server logs --grep (", "--grep is no regular expression: Invalid regular expression: /(/: Unterminated group"],
    ["execution list --limit 0", '--limit must be a whole number from 1 to 1000, not "0"'],
    ["config get", "Missing required argument 'key'"],
    ["apply", "Required option '-f, --file <path...>' not specified"],
    ["config path more", "Too many arguments for 'path', expected 0 arguments but got 1"],
  ])("%s", async (line, message) => expect((await usageErrorOf(line)).message).toBe(message));

  test("and where the help is", async () => {
    expect((await usageErrorOf("config get")).actions).toEqual([
      { label: "See how it is used", command: "stigmer config get --help" },
    ]);
  });
});

describe("help", () => {
  const textOf = (invocation: Invocation): string => (invocation.kind === "text" ? invocation.text : "");

  test("of the program names every command", () => {
    const names = COMMANDS.flatMap(({ path }) => path.split(" "));
    expect(names.filter((name) => !ROOT_HELP.includes(name))).toEqual([]);
  });

  test.each(Object.keys(GROUPS))("of the group %s names its commands, also when it stands alone", async (group) => {
    const names = COMMANDS.flatMap(({ path }) => (path.startsWith(`${group} `) ? [path.slice(group.length + 1)] : []));
    for (const line of [group, `${group} --help`]) {
      const help = textOf(await parse(line));
      expect(names.filter((name) => !new RegExp(`^  ${name}\\b`, "m").test(help))).toEqual([]);
    }
  });

  test.each(COMMANDS.map(({ path }) => path))("of %s names its flags and the global ones", async (path) => {
    const help = textOf(await parse(`${path} --help`));
    const takes = COMMANDS.find((spec) => spec.path === path)?.takes ?? {};
    const flags = Object.values(takes).flatMap(({ syntax }) => syntax.match(/--[\w-]+/g) ?? []);
    expect([...flags, "--json", "--home", "--help"].filter((flag) => !help.includes(flag))).toEqual([]);
  });
});

describe("the fast path", () => {
  const fast = (line: string) => matchFastPath(line.split(" ").filter(Boolean), () => "1.2.3");

  test.each(["", "--version", "-V", "--help", "-h"])("answers %j as the parser does", async (line) =>
    expect(fast(line)).toEqual(await parse(line)),
  );

  test.each([
    "server status",
    "server status --json",
    "--json server status",
    "server --home /h status",
    "server status -q --no-color --home /h",
    "server start",
    "server start --json --home /h",
  ])("reads %j as the parser does", async (line) => {
    const { run: _fastRun, ...quick } = fast(line) as Extract<Invocation, { kind: "command" }>;
    const { run: _run, ...slow } = (await parse(line)) as Extract<Invocation, { kind: "command" }>;
    expect(quick).toEqual(slow);
  });

  test.each([
    "server status --watch",
    "server status --help",
    "server status x",
    "server status --home",
    "server status --home --json",
    "server start --build",
    "server start --timeout 60s",
    "server stop",
    "status server",
    "--home server status",
  ])("leaves %j to the parser", (line) => expect(fast(line)).toBeNull());
});
