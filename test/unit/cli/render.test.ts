import { describe, expect, test } from "vitest";
import { formatAge, formatElapsed } from "../../../src/cli/render/duration-text.ts";
import { renderError } from "../../../src/cli/render/error.ts";
import { createStackRenderer } from "../../../src/cli/render/stack-events.ts";
import { renderStatus } from "../../../src/cli/render/status.ts";
import { AppError } from "../../../src/errors.ts";
import type { StackStatus } from "../../../src/stack/component.ts";
import type { StackEvent } from "../../../src/stack/events.ts";
import { RecordedOutput } from "../../support/cli-rig.ts";

describe("times", () => {
  test.each([
    [12.4, "12 ms"],
    [1_400, "1.4 s"],
    [185_000, "3 m 05 s"],
  ])("%d ms is %s", (ms, text) => expect(formatElapsed(ms)).toBe(text));

  test.each([
    [-5, "0s"],
    [59_000, "59s"],
    [60_000, "1m"],
    [3_600_000, "1h"],
    [11_520_000, "3h12m"],
    [187_200_000, "2d4h"],
  ])("%d ms ago is %s", (ms, text) => expect(formatAge(ms)).toBe(text));
});

const STATUS: StackStatus = {
  state: "degraded",
  home: "/h",
  instance: "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
  version: "0.1.0",
  components: [
    {
      name: "stigmer-server",
      runtime: "process",
      state: "ready",
      pid: 4711,
      startedAt: "2026-03-01T11:00:00.000Z",
      restarts: 0,
      nextRetryAt: null,
      lastExit: null,
      message: null,
      endpoint: "http://127.0.0.1:7234",
    },
    {
      name: "agent-runner",
      runtime: "container",
      state: "backoff",
      containerId: "0123456789abcdef".repeat(4),
      containerName: "stigmer-agent-runner",
      image: "stigmer-agent-runner:local",
      imageId: null,
      startedAt: null,
      restarts: 3,
      nextRetryAt: "2026-03-01T12:00:05.000Z",
      lastExit: { at: "2026-03-01T11:59:50.000Z", code: 137, signal: null, reason: "out of memory" },
      message: null,
    },
  ],
  queue: { queued: 2, running: 1 },
};

describe("the status table", () => {
  const nowMs = Date.parse("2026-03-01T12:00:00Z");

  test("says what runs, since when, and why something does not", () => {
    expect(renderStatus(STATUS, { color: false, nowMs })).toBe(
      [
        "Stack degraded  /h (0.1.0)",
        "",
        "COMPONENT       STATE    ID            UPTIME  RESTARTS  DETAIL",
        "stigmer-server  ready    pid 4711      1h      0         http://127.0.0.1:7234",
        "agent-runner    backoff  0123456789ab  -       3         stigmer-agent-runner:local",
        "  last exit 10s ago: out of memory",
        "  next try in 5s",
        "",
        "Executions: 1 running, 2 queued",
      ].join("\n"),
    );
  });

  test("has the same columns in colour", () => {
    const colored = renderStatus(STATUS, { color: true, nowMs });
    expect(colored).toContain("\u001b[32mready\u001b[39m");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the codes are what is taken out
    expect(colored.replace(/\u001b\[\d+m/g, "")).toBe(renderStatus(STATUS, { color: false, nowMs }));
  });
});

describe("an error", () => {
  test("of a definition lists every mistake with file and line", () => {
    const error = new AppError("DEFINITION_INVALID", "2 mistakes in a.yaml", {
      issues: [
        { file: "a.yaml", line: 4, field: "spec.tolls", message: "unknown key", suggestion: "tools" },
        { file: "a.yaml", line: null, field: "", message: "no document", suggestion: null },
      ],
    });
    expect(renderError(error.toBody(), { color: false, stack: null })).toBe(
      "Error: 2 mistakes in a.yaml\n  a.yaml:4: spec.tolls: unknown key (did you mean tools?)\n  a.yaml: no document",
    );
  });
});

describe("events of a stack", () => {
  const EVENTS: StackEvent[] = [
    { type: "plan", lines: ["start workflow-runner", "create agent-runner"] },
    { type: "component.starting", component: "workflow-runner", detail: "" },
    { type: "component.starting", component: "agent-runner", detail: "" },
    { type: "component.ready", component: "workflow-runner", durationMs: 312, detail: "pid 4712", adopted: false },
    { type: "component.ready", component: "agent-runner", durationMs: 1_400, detail: "", adopted: true },
    { type: "component.ready", component: "stigmer-server", durationMs: 0, detail: "pid 4711", adopted: true },
    { type: "warning", message: "the image is old" },
    { type: "component.stopped", component: "agent-runner", durationMs: 30_000, killed: true },
    { type: "component.stopped", component: "workflow-runner", durationMs: 20, killed: false },
    {
      type: "component.failed",
      component: "agent-runner",
      error: new AppError("COMPONENT_EXITED", "it exited").toBody(),
    },
    { type: "note", message: "Using Ollama" },
  ];

  function show(flags: { quiet?: boolean; json?: boolean; debug?: boolean }) {
    const stderr = new RecordedOutput();
    const warnings: string[] = [];
    const renderer = createStackRenderer({
      globals: { home: undefined, json: false, quiet: false, debug: false, color: false, ...flags },
      stderr,
      warn: (sentence) => warnings.push(sentence),
    });
    for (const event of EVENTS) renderer.onEvent(event);
    renderer.stop();
    return { lines: stderr.text.split("\n").filter(Boolean), warnings };
  }

  test("are one line a step where there is no terminal", () => {
    expect(show({})).toEqual({
      lines: [
        "✔ workflow-runner  ready in 312 ms  pid 4712",
        "✔ agent-runner     ready, adopted in 1.4 s",
        "✔ stigmer-server   ready already  pid 4711",
        "! agent-runner     killed after 30.0 s",
        "✔ workflow-runner  stopped in 20 ms",
        "✖ agent-runner     failed: it exited",
        "Using Ollama",
      ],
      warnings: ["the image is old"],
    });
  });

  test.each([true, false])("draw over a line of the terminal only where colour is allowed: %s", (color) => {
    let asked = false;
    const terminal = {
      isTTY: true,
      columns: 80,
      write: () => true,
      drained: async () => {},
      get terminal() {
        asked = true;
        return undefined;
      },
    };
    const globals = { home: undefined, json: false, quiet: false, debug: false, color };
    createStackRenderer({ globals, stderr: terminal, warn: () => {} }).stop();
    expect(asked).toBe(color);
  });

  test("show the plan with --debug", () => {
    expect(show({ debug: true }).lines.slice(0, 2)).toEqual(["  start workflow-runner", "  create agent-runner"]);
  });

  test.each([{ quiet: true }, { json: true }])("are silent with %j, except for warnings", (flags) =>
    expect(show(flags)).toEqual({ lines: [], warnings: ["the image is old"] }),
  );
});

test("an error whose message tells its detail already says it once", () => {
  const error = new AppError("DOCKER_NOT_RUNNING", "Docker is not running: unix:///d.sock: nobody serves it", {
    detail: "unix:///d.sock: nobody serves it",
  });
  expect(renderError(error.toBody(), { color: false, stack: null })).toBe(`Error: ${error.message}`);
});
