import type { Deployment } from "../deployment.ts";

/** Says how the server is started, on which Node, and what the server has to know that is no part of the workflow. */
export function packageJson(deployment: Deployment): string {
  const { flowVersion, llm, name, syncTimeoutSeconds, version, workflow } = deployment;
  const document = {
    name,
    version: isSemanticVersion(flowVersion) ? flowVersion : "0.0.0",
    private: true,
    type: "commonjs",
    main: "server.js",
    scripts: { start: "node server.js" },
    engines: { node: ">=22.13" },
    stigmer: {
      version,
      flow: { name: workflow.flow.name, version: flowVersion },
      syncTimeoutSeconds,
      llm,
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** As npm wants it: semver.org, without a build part. */
function isSemanticVersion(text: string): boolean {
  return /^(0|[1-9]\d{0,8})(\.(0|[1-9]\d{0,8})){2}(-[0-9A-Za-z][0-9A-Za-z.-]{0,40})?$/.test(text);
}
