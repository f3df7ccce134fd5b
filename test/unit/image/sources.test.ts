import { mkdir, utimes, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import { hashSources, readSources } from "../../../src/image/sources.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

test("the sources are the Dockerfile and the bundle, by path, and nothing else of the repository", async () => {
  await using root = await packageOf({ "agent-runner/dist/chunks/a.js": "a", "agent-runner/src/main.ts": "source" });
  const paths = (await readSources(root.path))?.map(({ path }) => path);
  expect(paths).toEqual(["agent-runner/Dockerfile", "agent-runner/dist/chunks/a.js", "agent-runner/dist/main.js"]);
});

test("a runner that was never bundled has no sources", async () => {
  await using bare = await temporaryDirectory();
  expect(await readSources(bare.path)).toBeNull();
  await using halfway = await packageOf({});
  expect(await readSources(halfway.path)).not.toBeNull();
  await using withoutMain = await temporaryDirectory();
  await write(withoutMain.path, { "agent-runner/Dockerfile": "FROM x", "agent-runner/dist/chunks/a.js": "a" });
  expect(await readSources(withoutMain.path)).toBeNull();
});

test("the hash is of paths and contents: not of times, of each change", async () => {
  await using root = await packageOf({});
  const first = await hashOf(root.path);
  await utimes(root.file("agent-runner/dist/main.js"), 1, 1);
  expect(await hashOf(root.path)).toBe(first);
  await write(root.path, { "agent-runner/dist/main.js": "changed" });
  const changed = await hashOf(root.path);
  await write(root.path, { "agent-runner/Dockerfile": "FROM other" });
  const other = await hashOf(root.path);
  expect(new Set([first, changed, other]).size).toBe(3);
});

test("a file cannot hide in the end of another one", () => {
  const [a, b] = [Buffer.from("x"), Buffer.from("y")];
  const two = [
    { path: "a", content: a },
    { path: "b", content: b },
  ];
  expect(hashSources(two)).not.toBe(hashSources([{ path: "a", content: Buffer.from("xby") }]));
});

async function packageOf(files: Record<string, string>) {
  const root = await temporaryDirectory();
  await write(root.path, { "agent-runner/Dockerfile": "FROM x", "agent-runner/dist/main.js": "main", ...files });
  return root;
}

async function write(root: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(`${root}/${path}`), { recursive: true });
    await writeFile(`${root}/${path}`, text);
  }
}

async function hashOf(root: string): Promise<string> {
  return hashSources((await readSources(root)) ?? []);
}
