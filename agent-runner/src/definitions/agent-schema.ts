/** The schema of `kind: Agent` (engine.md §2). The defaults are filled in, so that a stored definition is complete. */
import { z } from "zod";
import { TOOL_NAMES } from "../tools/names.ts";
import { parseDurationMs } from "./duration.ts";
import { httpUrl, modelName, modelSettings, provider, variableName } from "./model-schema.ts";
import type { StoredSkill } from "./skills.ts";

const NAME = /^[a-z0-9-]{1,63}$/;

const model = z
  .strictObject({
    provider,
    name: modelName,
    ...modelSettings,
  })
  .superRefine((value, context) => {
    if (value.provider === "scripted" && value.script === null) {
      context.addIssue({ code: "custom", path: ["script"], message: "is required with the provider scripted" });
    }
    if (value.provider !== "scripted" && value.script !== null) {
      context.addIssue({ code: "custom", path: ["script"], message: "needs the provider scripted" });
    }
  });

const variable = z.strictObject({
  name: variableName,
  secret: z.boolean().default(false),
  required: z.boolean().default(false),
});

const mcpServer = z
  .strictObject({
    name: z.string().regex(NAME, { error: "must be 1 to 63 characters of a-z, 0-9 and -" }),
    command: z.array(z.string()).min(1, { error: "must have at least one entry" }).nullable().default(null),
    env: z.array(variableName).default([]),
    url: httpUrl.nullable().default(null),
  })
  .refine((server) => (server.command === null) !== (server.url === null), { error: "must have command or url" });

const spec = z.strictObject({
  description: z.string().default(""),
  model: model.prefault({}),
  instructions: z.string().default(""),
  tools: z.array(z.enum(TOOL_NAMES)).default([]).superRefine(refuseRepeats("tool", String)),
  mcp_servers: z
    .array(mcpServer)
    .default([])
    .superRefine(refuseRepeats("MCP server", (server: { name: string }) => server.name)),
  skills: z.array(z.string().min(1, { error: "must not be empty" })).default([]),
  execution: z.strictObject({ mode: z.enum(["local", "sandbox"]).default("local") }).prefault({}),
  limits: z
    .strictObject({
      max_steps: z.int().min(1, { error: "must be at least 1" }).default(30),
      timeout: z
        .string()
        .refine((text) => parseDurationMs(text) !== null, { error: "must be a time such as 30s, 10m or 1h30m" })
        .nullable()
        .default(null),
    })
    .prefault({}),
  env: z
    .array(variable)
    .default([])
    .superRefine(refuseRepeats("variable", (entry: { name: string }) => entry.name)),
});

export const agentSchema = z.strictObject({
  apiVersion: z.literal("stigmer/v1"),
  kind: z.literal("Agent"),
  metadata: z.strictObject({
    name: z.string().regex(NAME, { error: "must be 1 to 63 characters of a-z, 0-9 and -" }),
  }),
  spec,
});

/** A definition after validation, with every default in its place. */
export type WrittenAgent = z.infer<typeof agentSchema>;

/** A definition as `apply` stores it: its skills are read, so that an execution needs no folder of the user's. */
export interface AgentDefinition extends Omit<WrittenAgent, "spec"> {
  spec: Omit<WrittenAgent["spec"], "skills"> & { skills: StoredSkill[] };
}

function refuseRepeats<Entry>(noun: string, nameOf: (entry: Entry) => string) {
  return (entries: Entry[], context: z.RefinementCtx) => {
    const seen = new Set<string>();
    for (const [index, entry] of entries.entries()) {
      const name = nameOf(entry);
      if (seen.has(name)) {
        context.addIssue({ code: "custom", path: [index], message: `names the ${noun} "${name}" a second time` });
      }
      seen.add(name);
    }
  };
}
