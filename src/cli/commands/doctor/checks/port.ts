import { readInstanceId } from "../../../../platform/instance.ts";
import { describeOwner, findListener } from "../../../../platform/ports.ts";
import { type Check, type DoctorFacts, fail, pass, skip } from "../check.ts";

/** The port of the API is free, or held by this stack. */
export async function checkPort({ settings, paths }: DoctorFacts): Promise<Check> {
  if (settings === null) return skip("port", "the configuration is invalid");
  const { host, port } = settings.server;
  if (port === 0) return skip("port", "server.port is 0: a free one is picked");
  const owner = await findListener(port, host);
  if (owner === null) return pass("port", `${host}:${port} is free`);
  const { sentence, ownership } = describeOwner(owner, await readInstanceId(paths));
  if (ownership !== "foreign") return pass("port", sentence);
  return fail("port", sentence, "End that process, or choose another port: stigmer config set server.port 0");
}
