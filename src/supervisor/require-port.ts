import { portInUse } from "../platform/port-in-use.ts";
import { findListener } from "../platform/ports.ts";
import type { ProcessSpec } from "../stack/spec.ts";

/**
 * A port that a component is about to listen on is free, or held by an earlier run of it, which the start ends first.
 * @throws AppError PORT_IN_USE naming the owner.
 */
export async function requirePort({ name, serves }: ProcessSpec, instance: string): Promise<void> {
  if (serves === undefined) return;
  const owner = await findListener(serves.port, serves.host);
  if (owner === null) return;
  const { environment } = owner;
  if (environment?.instance === instance && environment.component === name) return;
  throw portInUse({ ...serves, owner, instance, setting: "docker_runner.port" });
}
