import { mkdir, symlink, writeFile } from "node:fs/promises";
import { loadDocuments } from "@stigmer/agent-runner/definitions";
import type { Json } from "@stigmer/agent-runner/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startRunner, toolOutputs } from "../../support/agent-runner-rig.ts";
import { FakeBackend } from "../../support/fake-backend.ts";
import { FakeModel } from "../../support/fake-model.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const SKILL = "---\nname: review\ndescription: How we review code\n---\nRead checklist.md.\n";

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;

beforeEach(async () => {
  directory = await temporaryDirectory();
  await mkdir(directory.file("skills/review"), { recursive: true });
  await writeFile(directory.file("skills/review/SKILL.md"), SKILL);
  await writeFile(directory.file("skills/review/checklist.md"), "Look for races.");
});

afterEach(() => directory[Symbol.asyncDispose]());

/** Loads an agent that stands beside the folder of skills. */
function load(skills: string[], model: { [key: string]: Json } = {}) {
  const spec = { instructions: "Be kind.", skills, model };
  const text = JSON.stringify({ apiVersion: "stigmer/v1", kind: "Agent", metadata: { name: "a" }, spec });
  return loadDocuments(text, directory.file("agent.json"));
}

describe("skills", () => {
  test("are stored with the definition, links left out", async () => {
    await symlink("/etc/hostname", directory.file("skills/review/link.md"));
    const { documents, issues } = load(["./skills/review"]);
    expect(issues).toEqual([]);
    expect(documents[0]?.definition).toHaveProperty("spec.skills", [
      {
        name: "review",
        description: "How we review code",
        files: [
          { path: "SKILL.md", content: SKILL },
          { path: "checklist.md", content: "Look for races." },
        ],
      },
    ]);
  });

  test("are offered by name and description, and read on demand", async () => {
    const read = (path: string) => ({ name: "skill_read", arguments: { path } });
    const service = await FakeModel.start([
      { toolCalls: [read("review/SKILL.md"), read("review/checklists.md"), read("../../outside")] },
      { text: "done" },
    ]);
    const backend = await FakeBackend.start();
    const runner = await startRunner(backend, { directory: directory.path });
    const { documents } = load(["skills/review"], { provider: "ollama", name: "m", base_url: service.url });
    const id = backend.enqueue({ definition: documents[0]?.definition ?? null });
    expect(await backend.outcome(id)).toMatchObject({ phase: "succeeded" });
    await runner.stop();
    await backend.crash();
    await service.stop();

    const instructions = service.requests[0]?.body.messages[0]?.content;
    expect(instructions).toContain("Be kind.");
    expect(instructions).toContain("- review: How we review code");
    expect(instructions).not.toContain("checklist");
    expect(toolOutputs(backend.events(id)).map(({ ok, output }) => [ok, output])).toEqual([
      [true, SKILL],
      [false, expect.stringContaining("did you mean review/checklist.md?")],
      [false, expect.stringContaining("no skill has the file")],
    ]);
  });

  test.each<[string, string | Buffer, string]>([
    ["without a header", "Just text", "does not begin with a header"],
    ["without a description", "---\nname: review\n---\n", "needs a name"],
    ["whose header is no YAML", "---\n{\n---\n", "needs a name"],
    ["that is too large", `${SKILL}${"x".repeat(600_000)}`, "bytes, more than"],
    ["that is binary", Buffer.concat([Buffer.from(SKILL), Buffer.from([0])]), "not a text file"],
  ])("%s are refused", async (_, content, message) => {
    await writeFile(directory.file("skills/review/SKILL.md"), content);
    expect(load(["skills/review"])).toMatchObject({
      documents: [],
      issues: [expect.objectContaining({ field: "spec.skills[0]", message: expect.stringContaining(message) })],
    });
  });

  test("of one name are refused the second time", () => {
    const { documents, issues } = load(["skills/review", "skills/../skills/review"]);
    expect(documents).toEqual([]);
    expect(issues).toMatchObject([{ field: "spec.skills[1]", message: 'a second skill with the name "review"' }]);
  });
});
