import { readInstanceId } from "../../../../platform/instance.ts";
import { describeOwner, findListener } from "../../../../platform/ports.ts";
import { type Check, type DoctorFacts, fail, pass, skip, warn } from "../check.ts";

const HOST = "127.0.0.1";

/** docker-runner, where it is enabled, has its port and an engine to serve. */
export async function checkDockerRunner({ settings, paths, engine }: DoctorFacts): Promise<Check> {
  if (settings === null) return skip("docker-runner", "the configuration is invalid");
  const { enabled, port } = settings.dockerRunner;
  if (!enabled) return skip("docker-runner", "docker_runner.enabled is false");
  const owner = port === 0 ? null : await findListener(port, HOST);
  if (owner !== null) {
    const { sentence, ownership } = describeOwner(owner, await readInstanceId(paths));
    const isItself = ownership !== "foreign" && owner.environment?.component === "docker-runner";
    const remedy = "End that process, or choose another port: stigmer config set docker_runner.port 0";
    if (!isItself) return fail("docker-runner", sentence, remedy);
  }
  if (engine === null) return warn("docker-runner", "it can make no containers: there is no engine to talk to", null);
  return pass("docker-runner", port === 0 ? "a free port is picked" : `its port is ${HOST}:${port}`);
}
