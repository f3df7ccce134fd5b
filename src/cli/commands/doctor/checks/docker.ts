import type { Settings } from "../../../../config/settings.ts";
import type { Discovery } from "../../../../docker/discovery.ts";
import type { AppError } from "../../../../errors.ts";
import { type Check, pass, skip } from "../check.ts";
import { failedCheck } from "../failed-check.ts";

/** Which engine is used and why; `obstacle` when there is none. */
export function checkDocker(settings: Settings | null, discovery: Discovery, obstacle: AppError | null): Check {
  if (obstacle === null) return pass("docker", discovery.reason);
  if (settings?.agentRunner.runtime === "process")
    return skip("docker", `not needed with agent_runner.runtime: process; ${discovery.reason}`);
  return failedCheck("docker", obstacle);
}
