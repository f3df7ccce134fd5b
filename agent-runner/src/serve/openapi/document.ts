import type { WorkflowDefinition } from "../../definitions/workflow-definition.ts";
import type { Json } from "../../protocol/messages.ts";
import type { Route } from "../http/route.ts";
import { JOB_STATUSES } from "../store/jobs-table.ts";
import { inputsSchema, outputsSchema } from "./schemas.ts";

export interface OpenApiDocument {
  openapi: string;
  info: { title: string; version: string; description: string };
  paths: { [path: string]: { [method: string]: Route["operation"] } };
  components: { schemas: { [name: string]: Json }; securitySchemes: { [name: string]: Json } };
}

/** The API as an OpenAPI 3.1 document: the routes that there are, and the schemas of this workflow. */
export function openApiDocument(
  definition: WorkflowDefinition,
  routes: readonly Route[],
  { needsToken }: { needsToken: boolean },
): OpenApiDocument {
  const { name, version, description } = definition.flow;
  const paths: OpenApiDocument["paths"] = {};
  for (const { method, path, operation, isOpen } of routes) {
    const security: Json = isOpen || !needsToken ? [] : [{ token: [] }];
    const responses = isOpen || !needsToken ? operation.responses : { ...operation.responses, "401": UNAUTHORIZED };
    paths[path] = { ...paths[path], [method.toLowerCase()]: { ...operation, security, responses } };
  }
  return {
    openapi: "3.1.0",
    info: { title: name, version: version ?? "1.0.0", description: description ?? "A workflow behind HTTP." },
    paths,
    components: {
      schemas: {
        Inputs: inputsSchema(definition),
        Outputs: outputsSchema(definition),
        Job: jobSchema({ outputs: { anyOf: [{ $ref: "#/components/schemas/Outputs" }, { type: "null" }] } }),
        JobSummary: jobSchema({}),
        Error: ERROR_SCHEMA,
      },
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "Wanted where the server was given an API_TOKEN." },
      },
    },
  };
}

const UNAUTHORIZED: Json = {
  description: "The bearer token is missing or wrong",
  content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
};

const TIME: Json = { type: ["string", "null"], format: "date-time" };

const FAILURE: { [name: string]: Json } = { code: { type: "string" }, message: { type: "string" } };

const ERROR_SCHEMA: Json = {
  type: "object",
  properties: {
    error: {
      type: "object",
      properties: {
        ...FAILURE,
        job_id: { type: "string" },
        details: {
          type: "array",
          items: {
            type: "object",
            properties: { field: { type: "string" }, message: { type: "string" } },
            required: ["field", "message"],
          },
        },
      },
      required: ["code", "message"],
    },
  },
  required: ["error"],
};

function jobSchema(more: { [name: string]: Json }): Json {
  const properties: { [name: string]: Json } = {
    job_id: { type: "string" },
    status: { enum: [...JOB_STATUSES] },
    created_at: { type: "string", format: "date-time" },
    started_at: TIME,
    completed_at: TIME,
    ...more,
    error: {
      anyOf: [{ type: "object", properties: FAILURE, required: ["code", "message"] }, { type: "null" }],
    },
  };
  return { type: "object", properties, required: Object.keys(properties) };
}
