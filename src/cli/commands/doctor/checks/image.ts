import { type ImageStatus, imageStatus } from "../../../../image/status.ts";
import { type Check, type DoctorFacts, fail, pass, skip, warn } from "../check.ts";

const BUILD = "stigmer image build";

/** The image that a start would run: there, of this architecture, made from these sources. */
export async function checkImage({ engine, settings, signal }: DoctorFacts): Promise<Check> {
  if (settings === null) return skip("image", "the configuration is invalid");
  const { runtime, image: reference, pull } = settings.agentRunner;
  if (runtime === "process") return skip("image", "not needed with agent_runner.runtime: process");
  if (engine === null) return skip("image", "no Docker engine answers");
  const status = await imageStatus({ engine, reference, signal });
  if (status.state === "missing" && pull === "missing") {
    return warn("image", `${reference} is missing; the next start pulls it`, null);
  }
  return describe(status);
}

function describe({ image, state, version, architecture }: ImageStatus): Check {
  switch (state) {
    case "missing":
      return fail("image", `${image} is missing`, `${BUILD}, or: stigmer image pull`);
    case "wrong-architecture":
      return fail("image", `${image} is made for ${architecture}, which this engine does not run`, BUILD);
    case "outdated":
      return warn("image", `${image} is of version ${version} or of other sources than this one`, BUILD);
    case "unlabelled":
      return pass("image", `${image} is there, without our labels`);
    case "current":
      return pass("image", `${image} is current`);
    default:
      return state satisfies never;
  }
}
