import { afterEach, describe, expect, test } from "vitest";
import type { CommandContext, CommandResult } from "../../../src/cli/context.ts";
import { type CliHost, runCli } from "../../../src/cli/run-cli.ts";
import { COMMANDS } from "../../../src/cli/table.ts";
import { cliRig } from "../../support/cli-rig.ts";

type Run = (values: Record<string, unknown>, context: CommandContext) => Promise<CommandResult | null>;

const restore: (() => void)[] = [];
afterEach(() => {
  for (const undo of restore.splice(0)) undo();
});

/** Gives `config path` another handler for one test. */
function handleWith(run: Run): void {
  const spec = COMMANDS.find(({ path }) => path === "config path") as { run: Run };
  const original = spec.run;
  spec.run = run;
  restore.push(() => {
    spec.run = original;
  });
}

function host(line: string, overrides: Partial<CliHost> = {}) {
  const parts = cliRig();
  const host: CliHost = {
    ...parts,
    argv: line.split(" ").filter(Boolean),
    env: { STIGMER_HOME: "/h" },
    cwd: "/",
    fault: new Promise(() => undefined),
    version: () => "1.2.3",
    ...overrides,
  };
  return { ...parts, host };
}

describe("a command line", () => {
  test("that runs prints its result and exits with its code", async () => {
    handleWith(async (_, { paths }) => ({ data: null, text: paths.home, exitCode: 4 }));
    const { host: it, stdout } = host("config path");
    expect(await runCli(it)).toBe(4);
    expect(stdout.text).toBe("/h\n");
  });

  test("takes --home over STIGMER_HOME", async () => {
    const { host: it, stdout } = host("--home /other config path");
    await runCli(it);
    expect(stdout.text).toBe("/other/config.yaml\n");
  });

  test.each([
    ["--home=", "config path"],
    ["--home=", "server status"],
  ])("does not take the working directory for the home with an empty %s", async (flag, words) => {
    const { host: it, stdout, stderr } = host(`${flag} ${words}`);
    expect(await runCli(it)).toBe(2);
    expect(stdout.text).toBe("");
    expect(stderr.text).toContain("--home must name a directory");
  });

  test.each([
    ["server start --timeout 5", "server start"],
    ["server logs -c nobody", "server logs"],
    ["run", "run"],
    ["nonsense", ""],
  ])("that is used wrongly names the command to type next: %s", async (line, command) => {
    const { host: it, stdout } = host(`${line} --json`);
    expect(await runCli(it)).toBe(2);
    const help = ["stigmer", command, "--help"].filter(Boolean).join(" ");
    expect(JSON.parse(stdout.text).error.actions).toEqual([{ label: "See how it is used", command: help }]);
  });

  test("that cannot be parsed exits 2 with an empty stdout", async () => {
    const { host: it, stdout, stderr } = host("config pth");
    expect(await runCli(it)).toBe(2);
    expect([stdout.text, stderr.text.split("\n")[0]]).toEqual(["", "Error: Unknown command 'pth'"]);
  });

  test("that cannot be parsed is one envelope with --json, named as far as it goes", async () => {
    const { host: it, stdout } = host("config get --json");
    expect(await runCli(it)).toBe(2);
    expect(JSON.parse(stdout.text)).toMatchObject({ command: "config get", error: { code: "USAGE" } });
  });

  test("shows progress on stderr, unless --quiet or --json", async () => {
    handleWith(async (_, context) => {
      context.progress("step");
      return { data: null, text: null };
    });
    const texts = await Promise.all(
      ["config path", "config path -q", "config path --json"].map(async (line) => {
        const { host: it, stderr } = host(line);
        await runCli(it);
        return stderr.text;
      }),
    );
    expect(texts).toEqual(["step\n", "", ""]);
  });
});

describe("colour is allowed", () => {
  test.each([
    [{}, "", true, true],
    [{}, "", false, false],
    [{}, "--no-color", true, false],
    [{ NO_COLOR: "1" }, "", true, false],
    [{ NO_COLOR: "" }, "", true, true],
    [{ CI: "true" }, "", true, false],
    [{ TERM: "dumb" }, "", true, false],
  ])("with %j %s on a terminal %s: %s", async (env, flag, isTTY, expected) => {
    let seen: boolean | undefined;
    handleWith(async (_, context) => {
      seen = context.globals.color;
      return null;
    });
    const { host: it, stdout } = host(`config path ${flag}`, { env });
    stdout.isTTY = isTTY;
    await runCli(it);
    expect(seen).toBe(expected);
  });
});

describe("a signal", () => {
  test("that ends a follow is the exit code", async () => {
    const { host: it, interrupts } = host("config path");
    handleWith(async () => {
      interrupts.receive("SIGINT");
      return null;
    });
    expect(await runCli(it)).toBe(130);
  });

  test("that came too late leaves the result as it is", async () => {
    const { host: it, interrupts, stdout } = host("config path");
    handleWith(async () => {
      interrupts.receive("SIGTERM");
      return { data: null, text: "done" };
    });
    expect(await runCli(it)).toBe(0);
    expect(stdout.text).toBe("done\n");
  });

  test("that forces a command which does not end leaves it behind", async () => {
    let reject: (reason: unknown) => void = () => undefined;
    const fault = new Promise<never>((_, fail) => {
      reject = fail;
    });
    const { host: it, interrupts, clock, stderr } = host("config path", { fault });
    handleWith(() => new Promise(() => undefined));
    const exitCode = runCli(it);
    interrupts.receive("SIGINT");
    clock.ms += 200;
    interrupts.receive("SIGINT");
    reject(interrupts.forceSignal.reason);
    expect(await exitCode).toBe(130);
    expect(stderr.text).toContain("Interrupted twice");
  });
});

test("an exception that nobody awaits is still one envelope", async () => {
  const fault = Promise.reject(new RangeError("stray"));
  handleWith(() => new Promise(() => undefined));
  const { host: it, stdout } = host("config path --json", { fault });
  expect(await runCli(it)).toBe(1);
  expect(JSON.parse(stdout.text)).toMatchObject({ error: { code: "INTERNAL", message: "Unexpected error: stray" } });
});
