import type { Deployment } from "../deployment.ts";

/** What of the directory goes into the image. */
export function imageContents({ agents }: Deployment): string[] {
  const agentsFile = Object.keys(agents).length === 0 ? [] : ["agents.json"];
  return ["package.json", "server.js", "workflow.yaml", ...agentsFile];
}
