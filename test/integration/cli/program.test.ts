import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { collect, runCli, runJson, startCli } from "../../support/cli-process.ts";
import { faultsOf } from "../../support/envelope.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const PROGRAM = fileURLToPath(new URL("../../../bin/stigmer.js", import.meta.url));
const MANIFEST = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"));

describe("the program", () => {
  test.each(["--version", "-V"])("%s prints the version of the package", async (flag) => {
    await using home = await temporaryDirectory();
    expect(await runCli([flag], { home: home.path })).toMatchObject({
      exitCode: 0,
      stdout: `${MANIFEST.version}\n`,
      stderr: "",
    });
  });

  test.each([[[]], [["--help"]], [["help"]]])("%j prints the help on stdout", async (args: string[]) => {
    await using home = await temporaryDirectory();
    const { exitCode, stdout, stderr } = await runCli(args, { home: home.path });
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^ {2}server start /m);
  });

  test.each([
    [["srver"], "Did you mean server?"],
    [["help", "srver"], "Did you mean server?"],
    [["version"], "Did you mean --version?"],
    [["run", "hello"], "stigmer run --agent NAME"],
    [["server", "status", "--wat"], "Unknown option '--wat'"],
    [["server", "start", "--runtime", "podman"], "--runtime must be docker or process"],
    [["server", "logs", "--since", "yesterday"], "must be a time such as 30s"],
    [["server", "logs", "--grep", "["], "no regular expression"],
    [["server", "stop", "--component", "agent-runer"], "did you mean agent-runner?"],
    [["server", "restart", "--component", "docker-runner"], "docker_runner.enabled is false"],
    [["server", "restart", "--component", "temporal"], "temporal is no part of the stack: engine is embedded"],
    [["completion", "tcsh"], "bash or zsh or fish"],
    [["workflow", "validate"], "Missing required argument 'file'"],
  ])("%j is a usage error with an empty stdout", async (args, text) => {
    await using home = await temporaryDirectory();
    const { exitCode, stdout, stderr } = await runCli(args, { home: home.path });
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(text);
  });

  test("prints one envelope for a usage error with --json", async () => {
    await using home = await temporaryDirectory();
    const { exitCode, envelope, stderr } = await runJson(["server", "stop", "--component", "x"], { home: home.path });
    expect([exitCode, stderr]).toEqual([2, ""]);
    expect(envelope).toMatchObject({ command: "server stop", status: "error", error: { code: "USAGE" } });
  });

  test("refuses with exit 3 to start a stack that it was told not to start", async () => {
    await using home = await temporaryDirectory();
    const { exitCode, envelope } = await runJson(["agent", "list", "--no-start"], { home: home.path });
    expect([exitCode, envelope.error?.code]).toEqual([3, "NOT_RUNNING"]);
  });
});

describe("output", () => {
  test("that is larger than a pipe arrives whole", async () => {
    await using home = await temporaryDirectory();
    const model = "x".repeat(120_000);
    const env = { STIGMER_LLM_MODEL: model };
    const { stdout } = await runCli(["config", "get", "llm.model"], { home: home.path, env });
    expect(stdout).toBe(`${model}\n`);
  });

  test.each([
    ["a result", ["completion", "bash"]],
    ["a stream without end", ["server", "status", "--watch", "--json"]],
  ])("that nobody reads any more ends the command quietly: %s", async (_, args) => {
    await using home = await temporaryDirectory();
    const child = startCli(args, { home: home.path });
    child.stdout?.destroy();
    expect(await collect(child)).toMatchObject({ exitCode: 0, stderr: "" });
  });
});

describe("a result that could not be written", () => {
  test.each([[["--version"]], [["config", "list"]], [["server", "stop", "--json"]]])(
    "because the disk is full is no success: %j",
    async (args) => {
      await using home = await temporaryDirectory();
      await using full = await open("/dev/full", "w");
      const child = spawn(process.execPath, [PROGRAM, "--home", home.path, ...args], {
        stdio: ["ignore", full.fd, "pipe"],
      });
      const { exitCode, stderr } = await collect(child);
      expect(exitCode).toBe(1);
      expect(stderr).toContain("There is no space left");
    },
  );
});

describe("a watch", () => {
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("prints a record a line, and %s ends it with %i", async (signal, exitCode) => {
    await using home = await temporaryDirectory();
    const child = startCli(["server", "status", "--watch", "--json"], { home: home.path });
    child.stdout?.once("data", () => child.kill(signal));
    const outcome = await collect(child);
    expect(outcome).toMatchObject({ exitCode, signal: null, stderr: "" });
    const records = outcome.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(records.flatMap((record) => faultsOf("status-record.json", record))).toEqual([]);
    expect(records[0]).toMatchObject({ type: "status", state: "stopped" });
  });
});
