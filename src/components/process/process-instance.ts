import type { ChildProcess } from "node:child_process";
import { type Clock, systemClock } from "../../platform/clock.ts";
import { isAliveSync, type ProcessIdentity } from "../../platform/process-identity.ts";
import type { ExitReport } from "../exit-reason.ts";
import type { ComponentInstance } from "../instance.ts";

/** A child of ours: the kernel tells when and how it ends. */
export function childInstance(child: ChildProcess, facts: InstanceFacts): ComponentInstance {
  const exited = new Promise<ExitReport>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal, outOfMemory: false, explanation: null }));
  });
  return { ...facts, containerId: null, imageId: null, exited, probe: () => {} };
}

/**
 * How often an adopted process is looked at. Nobody tells a stranger's parent when it dies, so this is the fallback;
 * the lost connection of its long poll is the event that usually comes first (`probe`).
 */
const ADOPTED_CHECK_MS = 500;

/** A process that an earlier server started: its exit status went to that server. */
export function adoptedInstance(
  identity: ProcessIdentity,
  facts: InstanceFacts,
  clock: Clock = systemClock,
): ComponentInstance {
  let settle: (report: ExitReport) => void = () => {};
  const exited = new Promise<ExitReport>((resolve) => {
    settle = resolve;
  });
  let timer = clock.setTimer(check, ADOPTED_CHECK_MS);
  return { ...facts, containerId: null, imageId: null, exited, probe: check };

  function check(): void {
    timer.cancel();
    if (isAliveSync(identity)) {
      timer = clock.setTimer(check, ADOPTED_CHECK_MS);
      return;
    }
    settle({
      code: null,
      signal: null,
      outOfMemory: false,
      explanation: "ended; an earlier server had its exit status",
    });
  }
}

interface InstanceFacts {
  runnerId: string | null;
  startedAt: string;
  pid: number;
}
