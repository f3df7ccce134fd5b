import { describe, expect, test } from "vitest";
import type { Observed } from "../../../src/stack/observed.ts";
import { formatPlan } from "../../../src/stack/plan.ts";
import { type Intent, reconcile } from "../../../src/stack/reconcile.ts";
import { specHash } from "../../../src/stack/spec.ts";
import {
  containerId,
  containerSpec,
  knownContainers,
  observed,
  ownContainer,
  processSpec,
} from "../../support/stack-fixtures.ts";

const STACK = [processSpec(), containerSpec()];
const UP: Intent = { kind: "up", replaceOutdatedImage: false };
const RECORDED = { kind: "id", id: containerId("a") } as const;

function plan(state: Observed, intent: Intent = UP, stack = STACK): string[] {
  return formatPlan(reconcile(stack, state, intent));
}

function runner(changes: object = {}): Observed["processes"] {
  const alive = { kind: "alive", pid: 7, runnerId: "r", specHash: specHash(processSpec()), version: "0.1.0" } as const;
  return { "workflow-runner": { ...alive, ...changes } };
}

describe("bringing a stack up", () => {
  test("starts everything where nothing is", () => {
    expect(plan(observed())).toEqual([
      "workflow-runner: start a process",
      "agent-runner: create container stigmer-agent-runner from stigmer-agent-runner:local",
    ]);
  });

  test("keeps what is healthy and as it should be", () => {
    const state = observed({
      processes: runner(),
      containers: knownContainers([ownContainer()]),
      containerIdFile: RECORDED,
    });
    expect(plan(state)).toEqual(["workflow-runner: keep process 7", "agent-runner: keep container aaaaaaaaaaaa"]);
  });

  test("starts a stopped container of the same spec again, so that its log goes on", () => {
    const state = observed({
      processes: runner(),
      containers: knownContainers([ownContainer({ running: false })]),
      containerIdFile: RECORDED,
    });
    expect(plan(state).at(-1)).toBe("agent-runner: start container aaaaaaaaaaaa again");
  });

  test("replaces what runs with other settings", () => {
    const state = observed({
      processes: runner({ specHash: "of older settings" }),
      containers: knownContainers([ownContainer({ specHash: "of older settings" })]),
      containerIdFile: RECORDED,
    });
    expect(plan(state)).toEqual([
      "workflow-runner: end process 7 (it runs with other settings)",
      "agent-runner: stop and remove container aaaaaaaaaaaa (its settings changed)",
      "agent-runner: delete its container-ID file (its container is gone or replaced)",
      "workflow-runner: start a process",
      "agent-runner: create container stigmer-agent-runner from stigmer-agent-runner:local",
    ]);
  });

  test("deletes the PID file of a process that is gone and says so", () => {
    const state = observed({ processes: { "workflow-runner": { kind: "dead", pid: 7 } } });
    expect(plan(state)[0]).toBe("workflow-runner: delete its PID file (process 7 is gone)");
  });

  test("never touches a stranger that a PID file names", () => {
    const stranger = { kind: "stranger", pid: 1, detail: "another start time" } as const;
    const result = reconcile(STACK, observed({ processes: { "workflow-runner": stranger } }), UP);
    expect(formatPlan(result)[0]).toBe(
      "workflow-runner: delete its PID file (process 1 is not ours: another start time)",
    );
    expect(result.recovery.some((operation) => operation.kind === "terminate-process")).toBe(false);
    expect(result.warnings).toEqual([
      "The PID file of workflow-runner named process 1, which is not ours (another start time); it was left alone",
    ]);
  });

  test("finds its container by label when the container-ID file is lost, and records it", () => {
    const state = observed({ processes: runner(), containers: knownContainers([ownContainer()]) });
    expect(plan(state)).toEqual([
      "agent-runner: record container aaaaaaaaaaaa",
      "workflow-runner: keep process 7",
      "agent-runner: keep container aaaaaaaaaaaa",
    ]);
  });

  test("forgets a container-ID file whose container is gone", () => {
    const state = observed({ processes: runner(), containerIdFile: RECORDED });
    expect(plan(state)[0]).toBe("agent-runner: delete its container-ID file (its container is gone or replaced)");
  });

  test("of several own containers keeps the running one of the right spec and removes the others", () => {
    const own = [
      ownContainer({ id: containerId("b"), running: false }),
      ownContainer({ id: containerId("c"), specHash: "of older settings" }),
      ownContainer(),
    ];
    const state = observed({ processes: runner(), containers: knownContainers(own), containerIdFile: RECORDED });
    expect(plan(state)).toEqual([
      "agent-runner: remove container bbbbbbbbbbbb (a second one of this stack)",
      "agent-runner: stop and remove container cccccccccccc (a second one of this stack)",
      "workflow-runner: keep process 7",
      "agent-runner: keep container aaaaaaaaaaaa",
    ]);
  });

  test("ends processes of the instance that no PID file names, before anything is started", () => {
    const state = observed({ strays: [{ pid: 99, component: "workflow-runner" }] });
    expect(plan(state)[0]).toBe("workflow-runner: end process 99 (no PID file names it)");
  });

  test("removes what is not part of the stack any more, sandboxes of a crash included", () => {
    const own = [ownContainer(), ownContainer({ id: containerId("d"), component: "sandbox" })];
    const state = observed({
      processes: { ...runner(), temporal: { kind: "alive", pid: 8, runnerId: null, specHash: null, version: "0.0.9" } },
      containers: knownContainers(own),
      containerIdFile: RECORDED,
    });
    expect(plan(state).slice(0, 2)).toEqual([
      "temporal: end process 8 (not part of the stack)",
      "sandbox: stop and remove container dddddddddddd (not part of the stack)",
    ]);
  });

  test("switching to a process removes the container and its record", () => {
    const stack = [processSpec(), processSpec({ name: "agent-runner" })];
    const state = observed({
      processes: runner(),
      containers: knownContainers([ownContainer()]),
      containerIdFile: RECORDED,
    });
    expect(plan(state, UP, stack)).toEqual([
      "agent-runner: stop and remove container aaaaaaaaaaaa (not part of the stack)",
      "agent-runner: delete its container-ID file (not part of the stack)",
      "workflow-runner: keep process 7",
      "agent-runner: start a process",
    ]);
  });

  test("leaves a running container of an older image alone until it is asked to replace it", () => {
    const containers = { ...knownContainers([ownContainer()]), wantedImageId: "sha256:two" };
    const state = observed({ processes: runner(), containers, containerIdFile: RECORDED });
    expect(plan(state).at(-1)).toBe("agent-runner: keep container aaaaaaaaaaaa");
    expect(plan(state, { kind: "up", replaceOutdatedImage: true })).toContain(
      "agent-runner: stop and remove container aaaaaaaaaaaa (its image was replaced)",
    );
  });

  test("decides nothing about containers while Docker cannot be asked", () => {
    const state = observed({ containers: { kind: "unknown", reason: "no answer" }, containerIdFile: RECORDED });
    expect(plan(state)).toEqual(["workflow-runner: start a process"]);
  });
});

describe("bringing a stack down", () => {
  test("ends everything of the instance and forgets every record", () => {
    const state = observed({
      processes: { ...runner(), "docker-runner": { kind: "dead", pid: 5 } },
      strays: [{ pid: 99, component: "workflow-runner" }],
      containers: knownContainers([ownContainer()]),
      containerIdFile: RECORDED,
    });
    expect(plan(state, { kind: "down" })).toEqual([
      "workflow-runner: end process 99 (no PID file names it)",
      "workflow-runner: end process 7 (stop)",
      "docker-runner: delete its PID file (process 5 is gone)",
      "agent-runner: stop and remove container aaaaaaaaaaaa (stop)",
      "agent-runner: delete its container-ID file (stop)",
    ]);
  });

  test("keeps the container-ID file while Docker cannot be asked: it is the only trace of the container", () => {
    const state = observed({ containers: { kind: "unknown", reason: "no answer" }, containerIdFile: RECORDED });
    expect(plan(state, { kind: "down" })).toEqual([]);
  });
});

test("healing looks at its component alone", () => {
  const state = observed({ processes: { "workflow-runner": { kind: "dead", pid: 7 } } });
  expect(plan(state, { kind: "heal", component: "workflow-runner" })).toEqual([
    "workflow-runner: delete its PID file (process 7 is gone)",
    "workflow-runner: start a process",
  ]);
});
