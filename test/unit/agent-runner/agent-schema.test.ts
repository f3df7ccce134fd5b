import { expect, test } from "vitest";
import { z } from "zod";
import { agentSchema } from "../../../agent-runner/src/definitions/agent-schema.ts";

test("the schema for editors is the schema that apply checks", async () => {
  const schema = {
    title: "A stigmer agent",
    ...z.toJSONSchema(agentSchema, { io: "input", reused: "inline" }),
  };
  // `npx vitest run -u` writes it anew.
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(
    "../../../agent-runner/schemas/agent.schema.json",
  );
});
