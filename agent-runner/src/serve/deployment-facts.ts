import { z } from "zod";
import type { AgentTask } from "../protocol/messages.ts";

/** What the generator knew and the workflow does not say. */
export interface DeploymentFacts {
  /** The default of `SYNC_TIMEOUT`. */
  syncTimeoutSeconds: number;
  /** The model of nodes and agents that name none. */
  defaults: AgentTask["defaults"];
}

/** Of a directory without a manifest: what a stack that nobody configured has (product.md §9). */
const USUAL: DeploymentFacts = {
  syncTimeoutSeconds: 30,
  defaults: { provider: "ollama", model: "qwen2.5-coder:7b", baseUrl: null, apiKeyEnv: null },
};

const manifestSchema = z.object({
  stigmer: z
    .object({
      syncTimeoutSeconds: z.number().min(0).max(86_400).optional(),
      llm: z
        .object({
          provider: z.string(),
          model: z.string(),
          baseUrl: z.string().nullable(),
          apiKeyEnv: z.string().nullable(),
        })
        .optional(),
    })
    .optional(),
});

/** Reads the member `stigmer` of a deployment's `package.json`. @throws where the text is no such manifest. */
export function readFacts(manifest: string | null): DeploymentFacts {
  if (manifest === null) return USUAL;
  const { stigmer } = manifestSchema.parse(JSON.parse(manifest));
  return {
    syncTimeoutSeconds: stigmer?.syncTimeoutSeconds ?? USUAL.syncTimeoutSeconds,
    defaults: stigmer?.llm ?? USUAL.defaults,
  };
}
