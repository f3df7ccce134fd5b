import type { ChildProcess } from "node:child_process";
import { type Clock, systemClock } from "../../platform/clock.ts";
import { isAliveSync, type ProcessIdentity } from "../../platform/process-identity.ts";
import type { ExitReport } from "../exit-reason.ts";
import type { ComponentInstance } from "../instance.ts";
import type { ServiceHealth } from "./service-health.ts";

/** A child of ours: the kernel tells when and how it ends. */
export function childInstance(child: ChildProcess, facts: InstanceFacts): ComponentInstance {
  const exited = new Promise<ExitReport>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal, outOfMemory: false, explanation: null }));
  });
  const { service } = facts;
  if (service !== null) {
    child.on("message", (message) => {
      if (!saysListening(message)) return;
      service.noteListening();
      if (child.connected) child.disconnect(); // It has nothing more to say.
    });
    service.begin("child");
    void exited.then(() => service.end());
  }
  return { ...facts, containerId: null, imageId: null, exited, probe: () => {} };
}

function saysListening(message: unknown): boolean {
  return typeof message === "object" && message !== null && "type" in message && message.type === "listening";
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
  const { service } = facts;
  service?.begin("adopted");
  void exited.then(() => service?.end());
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
  service: ServiceHealth | null;
  startedAt: string;
  pid: number;
}
