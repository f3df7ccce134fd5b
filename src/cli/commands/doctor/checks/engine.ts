import { checkEngine as refuseUnfitEngine } from "../../../../server/check-engine.ts";
import { type Check, type DoctorFacts, pass, skip } from "../check.ts";

/** Version of the engine, and whether its host network is this machine's. */
export async function checkEngine({ engine, settings, signal }: DoctorFacts): Promise<Check> {
  if (engine === null) return skip("engine", "no Docker engine answers");
  const info = await engine.info({ signal });
  const name = `Docker Engine ${info.serverVersion} (API ${info.apiVersion}), ${info.operatingSystem}, ${engine.endpoint.flavour}`;
  if (settings !== null && settings.agentRunner.runtime === "docker") await refuseUnfitEngine(engine, settings);
  return pass("engine", name);
}
