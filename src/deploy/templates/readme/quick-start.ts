import { quoteForShell } from "../../../platform/shell-quote.ts";
import { DEFAULT_OPTIONS, type Deployment } from "../../deployment.ts";
import { markdownBlock } from "../markdown-text.ts";

/** From nothing to a first answer; every command can be typed as it stands. */
export function quickStart(deployment: Deployment): string[] {
  const { apiPort, exampleInputs, syncTimeoutSeconds, variables } = deployment;
  const url = `http://127.0.0.1:${apiPort}`;
  const body = quoteForShell(JSON.stringify(exampleInputs));
  const post = `curl -sS -X POST ${url}/run -H 'Content-Type: application/json'`;
  const keys =
    variables.length === 0
      ? []
      : ["The keys go into `.env`, which is never part of the image:", markdownBlock("sh", "cp .env.example .env")];
  return [
    "## Quick start",
    ...keys,
    "With Docker and its compose plugin (`docker-compose` 1.29 takes the same words):",
    markdownBlock("sh", `docker compose up -d --build\ncurl -sS ${url}/health/ready`),
    ...withStigmer(deployment),
    "Or without any container, on Node 22.13 or newer:",
    markdownBlock("sh", `HOST=127.0.0.1 ${variables.length === 0 ? "" : "SECRETS_FILE=.env "}node server.js`),
    "## Run the workflow",
    `The body holds the inputs. ${answersAfter(syncTimeoutSeconds)}:`,
    markdownBlock("sh", `${post} -d ${body}`),
    ...(syncTimeoutSeconds === 0
      ? []
      : [
          "To be answered at once, whatever it takes:",
          markdownBlock("sh", `${post} -H 'Prefer: respond-async' -d ${body}`),
        ]),
    "A request that is repeated with the same key gets the same job, and the work is done once:",
    markdownBlock("sh", `${post} -H 'Idempotency-Key: order-17' -d ${body}`),
    "What became of the jobs; the API in a browser:",
    markdownBlock("sh", `curl -sS ${url}/jobs\ncurl -sS ${url}/docs`),
  ];
}

function answersAfter(syncTimeoutSeconds: number): string {
  if (syncTimeoutSeconds === 0) return "The answer is 202 at once and names the job, which goes on";
  return `A result within ${syncTimeoutSeconds} seconds comes with status 200, else the answer is 202 and the job goes on`;
}

/** The command that makes the same files again; not of agents, whose definitions are elsewhere. */
function withStigmer({ agents, apiPort, kubernetes, name, syncTimeoutSeconds }: Deployment): string[] {
  const does =
    "which also finds a base image where no registry answers, and replaces a running version once the new one is proved";
  if (Object.keys(agents).length > 0) return [`Or with stigmer, ${does}: \`stigmer deploy up FILE --agents DIR\`.`];
  const timeoutMs = Math.round(syncTimeoutSeconds * 1000);
  const command = [
    `stigmer deploy up workflow.yaml --output . --name ${name} --api-port ${apiPort}`,
    ...(timeoutMs === DEFAULT_OPTIONS.syncTimeoutMs ? [] : [`--sync-timeout ${timeoutMs}ms`]),
    ...(kubernetes ? ["--kubernetes"] : []),
  ].join(" ");
  return [`Or with stigmer, ${does}:`, markdownBlock("sh", command)];
}
