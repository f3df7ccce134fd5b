import { describe, expect, test } from "vitest";
import type { GlobalOptions } from "../../../src/cli/context.ts";
import { createReporter } from "../../../src/cli/reporter.ts";
import { AppError } from "../../../src/errors.ts";
import { cliRig } from "../../support/cli-rig.ts";

const PLAIN: GlobalOptions = { home: undefined, json: false, quiet: false, debug: false, color: true };

function rig(globals: Partial<GlobalOptions> = {}) {
  const parts = cliRig();
  const reporter = createReporter({ ...parts, command: "server stop", globals: { ...PLAIN, ...globals }, env: {} });
  return { ...parts, reporter };
}

const notRunning = () =>
  new AppError("NOT_RUNNING", "The stack is not running", {
    detail: "first\nsecond",
    hint: "Nothing to stop",
    actions: [{ label: "Start it", command: "stigmer server start" }],
  });

describe("success", () => {
  test("is the text on stdout, and nothing else", () => {
    const { reporter, stdout, stderr } = rig();
    reporter.succeed({ a: 1 }, "done");
    expect([stdout.text, stderr.text]).toEqual(["done\n", ""]);
  });

  test("with --json is one envelope that carries the warnings", () => {
    const { reporter, stdout, stderr } = rig({ json: true });
    reporter.warn("mind this");
    reporter.warn("mind this");
    reporter.succeed({ a: 1 }, "done");
    expect(JSON.parse(stdout.text)).toEqual({
      schemaVersion: 1,
      command: "server stop",
      status: "ok",
      data: { a: 1 },
      warnings: ["mind this"],
      error: null,
    });
    expect([stdout.text.endsWith("}\n"), stderr.text]).toEqual([true, ""]);
  });
});

describe("failure", () => {
  test("is told on stderr with its detail, its hint and the commands to type", async () => {
    const { reporter, stdout, stderr } = rig();
    expect(await reporter.fail(notRunning())).toBe(3);
    expect(stderr.text).toBe(
      "Error: The stack is not running\n  first\n  second\nNothing to stop\n  Start it:\n    stigmer server start\n",
    );
    expect(stdout.text).toBe("");
  });

  test("with --json is one envelope on stdout", async () => {
    const { reporter, stdout, stderr } = rig({ json: true });
    expect(await reporter.fail(notRunning())).toBe(3);
    expect(JSON.parse(stdout.text)).toMatchObject({ status: "error", data: null, error: { code: "NOT_RUNNING" } });
    expect(stderr.text).toBe("");
  });

  test("after records were streamed puts nothing among them", async () => {
    const { reporter, stdout, stderr } = rig({ json: true });
    stdout.write('{"type":"log"}\n');
    expect(await reporter.fail(notRunning())).toBe(3);
    expect(stdout.text).toBe('{"type":"log"}\n');
    expect(stderr.text).toContain("The stack is not running");
  });

  test("that is a bug asks for a report, and shows its stack with --debug only", async () => {
    const quiet = rig();
    expect(await quiet.reporter.fail(new TypeError("boom"))).toBe(1);
    expect(quiet.stderr.text).toContain("Error: Unexpected error: boom\nThis is a bug in stigmer.");
    expect(quiet.stderr.text).not.toContain("reporter.test.ts");
    const loud = rig({ debug: true });
    await loud.reporter.fail(new TypeError("boom"));
    expect(loud.stderr.text).toContain("reporter.test.ts");
  });

  test("with --json that is a bug is an envelope too", async () => {
    const { reporter, stdout } = rig({ json: true });
    expect(await reporter.fail("a thrown string")).toBe(1);
    expect(JSON.parse(stdout.text)).toMatchObject({
      error: { code: "INTERNAL", message: "Unexpected error: a thrown string" },
    });
  });
});

describe("an interrupted command", () => {
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("exits as %s does, whatever it threw", async (signal, exitCode) => {
    const { reporter, interrupts } = rig();
    interrupts.receive(signal);
    expect(await reporter.fail(new AppError("EXECUTION_CANCELLED", "The execution was cancelled"))).toBe(exitCode);
  });

  test("whose wait was aborted is told as interrupted, not as a bug", async () => {
    const { reporter, interrupts, stdout } = rig({ json: true });
    interrupts.receive("SIGINT");
    expect(await reporter.fail(new DOMException("This operation was aborted", "AbortError"))).toBe(130);
    expect(JSON.parse(stdout.text)).toMatchObject({ error: { code: "INTERRUPTED", message: "Interrupted by SIGINT" } });
  });

  test("whose reader went away ends quietly", async () => {
    const { reporter, interrupts, stdout, stderr } = rig();
    stdout.closed = true;
    interrupts.stopForClosedOutput();
    expect(await reporter.fail(interrupts.signal.reason)).toBe(0);
    expect(stderr.text).toBe("");
  });
});
