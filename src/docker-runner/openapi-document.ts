import { createRunnerEngine } from "../docker/connect-runner.ts";
import { buildApp } from "./app.ts";
import { STRICT_POLICY } from "./policy/policy.ts";
import { createService } from "./service.ts";

/** The document that `/openapi.json` serves, of an app that never listens and an engine that is never asked. */
export async function renderOpenApi(): Promise<string> {
  const nowhere = { url: "unix:///nowhere", socketPath: "/nowhere", source: "openapi", flavour: "unknown" } as const;
  const engine = createRunnerEngine(nowhere, { configDir: "/nowhere", env: {} });
  const service = createService({ engine, policy: STRICT_POLICY, runnerId: "", secrets: [], signatureTtlMs: 1 });
  const app = await buildApp(service, false);
  await app.ready();
  return `${JSON.stringify(app.swagger(), null, 2)}\n`;
}
