import { typeText } from "@stigmer/agent-runner/value-type";
import type { WorkflowDefinition } from "@stigmer/agent-runner/workflow-definition";
import type { Deployment } from "../../deployment.ts";
import { serverVariables } from "../../server-variables.ts";
import { markdownCode, markdownText } from "../markdown-text.ts";

/** Inputs, endpoints and settings, as tables. */
export function reference({ syncTimeoutSeconds, variables, workflow }: Deployment): string[] {
  const inputs = Object.entries(workflow.state.fields).map(inputRow);
  const settings = serverVariables(syncTimeoutSeconds).map(({ fallback, meaning, name }) => [
    markdownCode(name),
    fallback === "" ? "" : markdownCode(fallback),
    meaning,
  ]);
  const keys = variables.map(({ name, neededBy, required }) => [
    markdownCode(name),
    "",
    `${required ? "Required" : "Optional"}: read by ${markdownText(neededBy)}`,
  ]);
  return [
    "## Inputs",
    ...(inputs.length === 0
      ? ["The workflow has no fields: send `{}`."]
      : [table(["field", "type", "needed", "default", "meaning"], inputs)]),
    "## Endpoints",
    table(["endpoint", "what it does"], ENDPOINTS),
    'Errors are `{"error":{"code","message","job_id"}}`; of a job that failed, the log has the details.',
    "## Settings",
    "In `.env`, or in the environment of `docker compose`:",
    table(["variable", "default", "meaning"], [...settings, ...keys]),
  ];
}

/** Checked by a test against what the server says of itself. */
const ENDPOINTS: string[][] = [
  [
    "`POST /run`",
    "runs the workflow: 200 with its outputs, 202 when it takes longer, 422 for wrong inputs, 429 when too many wait",
  ],
  ["`GET /status/{id}`", "a job: `pending`, `running`, `completed`, `failed` or `cancelled`, with outputs or error"],
  ["`GET /jobs`", "all jobs, newest first, in pages: `limit`, `cursor`"],
  ["`DELETE /jobs/{id}`", "cancels a job"],
  ["`GET /events/{id}`", "the events of a job as they happen (server-sent events)"],
  ["`GET /health`", "the server is alive"],
  ["`GET /health/live`", "the same"],
  ["`GET /health/ready`", "it can take work"],
  ["`GET /schema`", "inputs and outputs as JSON Schema"],
  ["`GET /openapi.json`", "the API as OpenAPI"],
  ["`GET /docs`", "the API, to read in a browser"],
  ["`GET /metrics`", "figures for Prometheus"],
  ["`GET /`", "name, version and endpoints"],
];

type Field = WorkflowDefinition["state"]["fields"][string];

function inputRow([name, field]: [string, Field]): string[] {
  return [
    markdownCode(name),
    markdownCode(typeText(field.type)),
    field.required ? "yes" : "",
    field.default === null ? "" : markdownCode(JSON.stringify(field.default)),
    field.description === null ? "" : markdownText(field.description),
  ];
}

function table(head: string[], rows: string[][]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
