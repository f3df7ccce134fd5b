import { nearestName } from "@stigmer/agent-runner/nearest";
import type { Json } from "@stigmer/agent-runner/protocol";
import * as v from "valibot";
import { unknownName } from "../../engine/embedded/unknown-name.ts";
import type { AppError, DefinitionIssue } from "../../errors.ts";
import type { ApplyAction, DefinitionKind, StoredDefinition } from "../../store/definitions.ts";
import type { Store } from "../../store/open.ts";
import { invalidDefinitions } from "../invalid-definitions.ts";
import type { ApiRequest, Route } from "../route.ts";
import { readBody } from "./read-body.ts";

/** `data` of `apply --json` (product.md §5). */
export interface ApplyReport {
  dryRun: boolean;
  results: { kind: DefinitionKind; name: string; action: ApplyAction; file: string }[];
}

/** One line of `agent list`. */
export interface DefinitionSummary {
  name: string;
  description: string;
  file: string;
  createdAt: string;
  updatedAt: string;
}

export interface DefinitionRouteDeps {
  store: Pick<Store, "definitions" | "transaction" | "flush">;
  nowMs: () => number;
}

const KINDS = [
  { path: "agents", kind: "Agent", noun: "agent" },
  { path: "workflows", kind: "Workflow", noun: "workflow" },
] as const;

const applyBody = v.object({
  dryRun: v.boolean(),
  documents: v.array(
    v.object({
      kind: v.picklist(["Agent", "Workflow"]),
      name: v.pipe(v.string(), v.minLength(1), v.maxLength(256)),
      definition: v.record(v.string(), v.unknown()),
      file: v.string(),
      mentions: v.optional(v.array(v.object({ agent: v.string(), field: v.string(), line: v.number() })), []),
    }),
  ),
});

/** The body of `POST /v1/apply`; `mentions` are the agents that a workflow's nodes run. */
export type ApplyRequest = v.InferInput<typeof applyBody>;
type ParsedApply = v.InferOutput<typeof applyBody>;

/** Applied definitions: `POST /v1/apply`, and list, show and delete of agents and workflows. */
export function definitionRoutes(deps: DefinitionRouteDeps): Route[] {
  return [
    {
      method: "POST",
      path: "/v1/apply",
      handle: async ({ body }) => ({ status: 200, body: await apply(deps, readBody(applyBody, body)) }),
    },
    ...KINDS.flatMap((of) => kindRoutes(deps, of)),
  ];
}

function kindRoutes({ store }: DefinitionRouteDeps, { path, kind, noun }: (typeof KINDS)[number]): Route[] {
  const notFound = (name: string): AppError => unknownName(noun, name, store.definitions.names(kind));
  return [
    {
      method: "GET",
      path: `/v1/${path}`,
      handle: async () => ({ status: 200, body: { [path]: store.definitions.list(kind).map(toSummary) } }),
    },
    {
      method: "GET",
      path: `/v1/${path}/:name`,
      handle: async (request) => {
        const name = nameIn(request);
        const found = store.definitions.find(kind, name);
        if (found === null) throw notFound(name);
        return { status: 200, body: { [noun]: found.definition } };
      },
    },
    {
      method: "DELETE",
      path: `/v1/${path}/:name`,
      handle: async (request) => {
        const name = nameIn(request);
        const error = notFound(name);
        if (!store.definitions.delete(kind, name)) throw error;
        await store.flush();
        return { status: 200, body: { name } };
      },
    },
  ];
}

/** All or nothing: a definition that cannot be written takes the others back with it. */
async function apply({ store, nowMs }: DefinitionRouteDeps, { dryRun, documents }: ParsedApply): Promise<ApplyReport> {
  const { definitions } = store;
  const now = new Date(nowMs()).toISOString();
  const results = store.transaction(() => {
    const issues = findUnknownAgents(documents, definitions.names("Agent"));
    if (issues.length > 0) throw invalidDefinitions(issues, "nothing was applied");
    return documents.map(({ kind, name, file, definition }) => {
      // Parsed from JSON, so it is nothing else.
      const document = { kind, name, file, definition: definition as { [key: string]: Json } };
      const action = dryRun ? definitions.compare(document) : definitions.apply(document, now);
      return { kind, name, action, file };
    });
  });
  if (!dryRun) await store.flush();
  return { dryRun, results };
}

/** An agent that a workflow names is applied already, or with it. */
function findUnknownAgents(documents: ParsedApply["documents"], applied: string[]): DefinitionIssue[] {
  const known = [...applied, ...documents.filter(({ kind }) => kind === "Agent").map(({ name }) => name)];
  return documents.flatMap(({ file, mentions }) =>
    mentions
      .filter(({ agent }) => !known.includes(agent))
      .map(({ agent, field, line }) => {
        const message = `there is no agent "${agent}", neither applied nor here`;
        return { file, line, field, message, suggestion: nearestName(agent, known) };
      }),
  );
}

function toSummary({ name, definition, file, createdAt, updatedAt }: StoredDefinition): DefinitionSummary {
  return { name, description: descriptionOf(definition), file, createdAt, updatedAt };
}

const described = v.union([
  v.object({ spec: v.object({ description: v.string() }) }),
  v.object({ flow: v.object({ description: v.nullable(v.string()) }) }),
]);

function descriptionOf(definition: Json): string {
  const { success, output } = v.safeParse(described, definition);
  if (!success) return "";
  return "spec" in output ? output.spec.description : (output.flow.description ?? "");
}

function nameIn({ params }: ApiRequest): string {
  return params["name"] ?? "";
}
