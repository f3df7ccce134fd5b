import type { Deployment } from "../deployment.ts";
import { markdownText } from "./markdown-text.ts";
import { operation } from "./readme/operation.ts";
import { quickStart } from "./readme/quick-start.ts";
import { reference } from "./readme/reference.ts";

/** The manual of the deployment. Its headings are always the same: {@link README_HEADINGS}. */
export function readme(deployment: Deployment): string {
  const { description, name } = deployment.workflow.flow;
  const title = markdownText(name);
  const introduction = description === null ? "" : markdownText(description);
  const parts = [
    `# ${title === "" ? deployment.name : title}`,
    ...(introduction === "" ? [] : [introduction]),
    `A workflow as a service with an HTTP API, made by stigmer ${deployment.version}. The workflow is \`workflow.yaml\`; all else was made from it.`,
    ...quickStart(deployment),
    ...reference(deployment),
    ...operation(deployment),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** Below the title, in order. */
export const README_HEADINGS = [
  "## Quick start",
  "## Run the workflow",
  "## Inputs",
  "## Endpoints",
  "## Settings",
  "## Logs, stop and remove",
  "## Troubleshooting",
  "## Production",
];
