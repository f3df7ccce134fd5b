import { execFile } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { marked } from "marked";
import { describe, expect, test } from "vitest";
import { generateFiles } from "../../../src/deploy/generate.ts";
import { deployableWorkflow, generationInput } from "../../support/deployable-workflow.ts";
import { HOSTILE_TEXTS } from "../../support/hostile-text.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const run = promisify(execFile);

/** Prints its arguments, each on a line of JSON, as any of the programs that the README names. */
const ECHO = `#!/usr/bin/env node
console.log(JSON.stringify(process.argv.slice(2)));
`;

describe("the commands of the README", () => {
  test("work as typed, whatever the defaults of the workflow are", { timeout: 120_000 }, async () => {
    await using programs = await temporaryDirectory();
    for (const name of ["curl", "docker", "stigmer"]) {
      await writeFile(programs.file(name), ECHO);
      await chmod(programs.file(name), 0o755);
    }
    for (const [index, text] of HOSTILE_TEXTS.entries()) {
      const workflow = deployableWorkflow({ flow: { name: text, description: text, version: null } });
      workflow.state.fields["tone"] = { type: { kind: "str" }, required: false, description: text, default: text };
      const { deployment, files } = generateFiles(generationInput({ name: "shop", workflow }));
      const [, post = ""] = commandBlocks(files).filter((block) => block.includes("-X POST"));
      const { stdout } = await run("sh", ["-c", post], { env: { PATH: `${programs.path}:${process.env["PATH"]}` } });
      const words: string[] = JSON.parse(stdout);
      expect(JSON.parse(words.at(-1) ?? ""), `text ${index}`).toEqual(deployment.exampleInputs);
      expect(words.slice(0, 4)).toEqual(["-sS", "-X", "POST", "http://127.0.0.1:8000/run"]);
    }
  });

  test("are all accepted by a shell", async () => {
    for (const block of commandBlocks(generateFiles(generationInput()).files)) await run("sh", ["-n", "-c", block]);
  });

  test("do not promise a result to those who are never made to wait for one", () => {
    const { files } = generateFiles(generationInput({ syncTimeoutMs: 0 }));
    const text = Buffer.from(files.get("README.md") ?? []).toString();
    expect(text).toContain("The answer is 202 at once");
    expect(text).not.toContain("respond-async");
  });

  test("generate the same deployment again", () => {
    const { files } = generateFiles(
      generationInput({ name: "shop", apiPort: 9000, syncTimeoutMs: 500, kubernetes: true }),
    );
    const again = commandBlocks(files).find((block) => block.startsWith("stigmer deploy up"));
    expect(again).toBe(
      "stigmer deploy up workflow.yaml --output . --name shop --api-port 9000 --sync-timeout 500ms --kubernetes",
    );
  });
});

function commandBlocks(files: ReadonlyMap<string, Uint8Array>): string[] {
  const tokens = marked.lexer(Buffer.from(files.get("README.md") ?? []).toString());
  return tokens.flatMap((token) => (token.type === "code" ? [String(token["text"])] : []));
}
