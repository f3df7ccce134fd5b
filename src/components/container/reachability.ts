import type { DockerEngine } from "../../docker/engine.ts";
import { AppError } from "../../errors.ts";
import type { ContainerSpec } from "../../stack/spec.ts";

const PROBE_TIMEOUT_MS = 5_000;

/** Asks the server's health from inside the container; exits 0 on an answer, else prints why not. */
const PROBE = `
const request = require("node:http").get(process.argv[1] + "/health", { timeout: 3000 }, (answer) => {
  answer.resume();
  process.exit(answer.statusCode === 200 ? 0 : 1);
});
request.on("timeout", () => request.destroy(new Error("no answer within 3 s")));
request.on("error", (error) => { console.error(error.message); process.exit(1); });
`;

/**
 * Proves from inside that the server answers. @throws AppError START_TIMEOUT naming the address tried, the engine's
 * flavour and the setting to change.
 */
export async function proveServerReachable(
  engine: DockerEngine,
  containerId: string,
  spec: ContainerSpec,
): Promise<void> {
  const url = spec.env["STIGMER_BACKEND_URL"] ?? "";
  const result = await engine.exec(containerId, ["node", "-e", PROBE, url], { timeoutMs: PROBE_TIMEOUT_MS });
  if (result.exitCode === 0) return;
  throw new AppError("START_TIMEOUT", `The agent-runner container cannot reach the server at ${url}`, {
    detail: `Tried from inside, network ${spec.networkMode}, engine flavour ${engine.endpoint.flavour}: ${result.stderr.trim()}`,
    hint: "With a bridge network on Linux the server must listen on an address that containers reach; a host network needs nothing.",
    actions: [
      { label: "Use the host's network", command: "stigmer config set agent_runner.network host" },
      { label: "Or run the agent-runner without Docker", command: "stigmer server start --runtime process" },
    ],
  });
}
