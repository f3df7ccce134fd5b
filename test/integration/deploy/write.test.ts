import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type GenerationInput, generateFiles } from "../../../src/deploy/generate.ts";
import { MANIFEST_NAME, parseManifest, sha256 } from "../../../src/deploy/manifest.ts";
import { isUpToDate } from "../../../src/deploy/write/plan.ts";
import { Transaction } from "../../../src/deploy/write/transaction.ts";
import { check, write } from "../../../src/deploy/write/write.ts";
import { generationInput } from "../../support/deployable-workflow.ts";
import { mountSmallDisk } from "../../support/small-disk.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const IS_ROOT = process.getuid?.() === 0;

describe("a new directory", () => {
  test("is made with its parents, and holds the files and nothing else", async () => {
    await using place = await temporaryDirectory();
    const files = filesOf();
    await write(place.file("a/b/deploy"), files);
    expect(await contentsOf(place.file("a/b/deploy"))).toEqual(digestsOf(files));
    expect(await readdir(place.file("a/b"))).toEqual(["deploy"]);
  });

  test("may exist when it is empty", async () => {
    await using place = await temporaryDirectory();
    await write(place.path, filesOf());
    expect(await contentsOf(place.path)).toEqual(digestsOf(filesOf()));
  });

  test("is refused where there can be none, below /proc", async () => {
    await expect(write("/proc/stigmer/deploy", filesOf())).rejects.toMatchObject({
      message: expect.stringContaining("/proc/stigmer/deploy"),
    });
  });

  test("is not looked for behind a link to nowhere", async () => {
    await using place = await temporaryDirectory();
    await symlink("nowhere", place.file("deploy"));
    await expect(write(place.file("deploy"), filesOf())).rejects.toMatchObject({
      code: "USAGE",
      message: `${place.file("deploy")} is a link to something that is not there`,
    });
    expect(await readdir(place.path)).toEqual(["deploy"]);
  });

  test("is out of date while it is not there", async () => {
    await using place = await temporaryDirectory();
    expect(isUpToDate(await check(place.file("deploy"), filesOf()))).toBe(false);
    expect(await readdir(place.path)).toEqual([]);
  });

  test("made by two at once is made once, and whole", async () => {
    await using place = await temporaryDirectory();
    await Promise.all([1, 2, 3].map(() => write(place.file("deploy"), filesOf())));
    expect(await contentsOf(place.file("deploy"))).toEqual(digestsOf(filesOf()));
  });

  test("written by several at once is of one of them, and none of it passes for somebody's work", async () => {
    await using place = await temporaryDirectory();
    await write(place.path, filesOf());
    const ports = Array.from({ length: 8 }, (_, index) => 9000 + index);
    await Promise.all(ports.map((apiPort) => write(place.path, filesOf({ apiPort }))));
    const found = await contentsOf(place.path);
    expect(ports.map((apiPort) => digestsOf(filesOf({ apiPort })))).toContainEqual(found);
    expect((await write(place.path, filesOf())).kept).toEqual([]);
  });

  test("clears away what a killed run left beside it, and nothing else of that kind", async () => {
    await using place = await temporaryDirectory();
    const dead = `.deploy.999999999.${crypto.randomUUID()}.tmp`;
    const other = `.other.999999999.${crypto.randomUUID()}.tmp`;
    for (const name of [dead, other]) {
      await mkdir(place.file(name));
      await writeFile(place.file(`${name}/Dockerfile`), "half");
    }
    await write(place.file("deploy"), filesOf());
    expect((await readdir(place.path)).sort()).toEqual([other, "deploy"]);
  });
});

describe("a directory that was generated before", () => {
  test("is brought up to date, and then nothing is left to do", async () => {
    await using place = await temporaryDirectory();
    await write(place.path, filesOf());
    const next = filesOf({ apiPort: 9000, kubernetes: true });
    expect(isUpToDate(await check(place.path, next))).toBe(false);
    await write(place.path, next);
    expect(await contentsOf(place.path)).toEqual(digestsOf(next));
    expect(isUpToDate(await check(place.path, next))).toBe(true);
    expect(await write(place.path, next)).toMatchObject({ write: [], remove: [], kept: [] });
  });

  test("loses what is generated no more, unless it was changed by hand", async () => {
    await using place = await temporaryDirectory();
    await write(place.path, filesOf({ kubernetes: true }));
    await writeFile(place.file("kubernetes/secret.yaml"), "filled in\n");
    const plan = await write(place.path, filesOf());
    expect(plan.remove).toEqual(
      ["configmap", "deployment", "service", "volume"].map((name) => `kubernetes/${name}.yaml`),
    );
    expect(plan.kept).toEqual(["kubernetes/secret.yaml"]);
    expect(await readdir(place.file("kubernetes"))).toEqual(["secret.yaml"]);
  });

  test("keeps and lists what was changed by hand, now and later, until force", async () => {
    await using place = await temporaryDirectory();
    await write(place.path, filesOf());
    await writeFile(place.file("Dockerfile"), "FROM mine\n");
    for (const port of [9000, 9001]) {
      const plan = await write(place.path, filesOf({ apiPort: port }));
      expect(plan.kept).toEqual(["Dockerfile"]);
      expect(await readFile(place.file("Dockerfile"), "utf8")).toBe("FROM mine\n");
      expect(isUpToDate(await check(place.path, filesOf({ apiPort: port })))).toBe(true);
    }
    const plan = await write(place.path, filesOf(), { force: true });
    expect(plan.kept).toEqual([]);
    expect(await contentsOf(place.path)).toEqual(digestsOf(filesOf()));
  });

  test("gets back what was deleted, and what was changed to the same is no change", async () => {
    await using place = await temporaryDirectory();
    const files = filesOf({ apiPort: 9000 });
    await write(place.path, filesOf());
    await rm(place.file("README.md"));
    await writeFile(place.file("docker-compose.yml"), files.get("docker-compose.yml") ?? "");
    expect((await write(place.path, files)).kept).toEqual([]);
    expect(await contentsOf(place.path)).toEqual(digestsOf(files));
  });

  test("keeps the user's own files, folders and links as they are", async () => {
    await using place = await temporaryDirectory();
    await write(place.path, filesOf());
    await writeFile(place.file(".env"), "KEY=secret\n");
    await mkdir(place.file("src"));
    await writeFile(place.file("src/main.ts"), "mine\n");
    await symlink("/etc/hostname", place.file("link"));
    for (const force of [false, true]) await write(place.path, filesOf({ apiPort: 9000 }), { force });
    expect(await readFile(place.file(".env"), "utf8")).toBe("KEY=secret\n");
    expect(await readFile(place.file("src/main.ts"), "utf8")).toBe("mine\n");
    expect(await readdir(place.path)).toContain("link");
  });
});

describe("a directory that is not ours", () => {
  test.each([
    ["the user's sources", { "src.ts": "mine" }],
    ["somebody else's manifest.json", { "manifest.json": '{"name":"My web app","start_url":"/"}' }],
    ["a damaged manifest", { "manifest.json": '{"generator":"stigmer"' }],
    ["a manifest that leads out of it", { "manifest.json": manifestWith("../victim") }],
    ["a hidden file", { ".gitkeep": "" }],
  ])("with %s is refused, with force too, and nothing is touched", async (_what, contents) => {
    await using place = await temporaryDirectory();
    await writeFile(place.file("victim"), "alive");
    await mkdir(place.file("project"));
    for (const [name, text] of Object.entries(contents)) await writeFile(place.file(`project/${name}`), text);
    const before = await contentsOf(place.path);
    for (const force of [false, true]) {
      await expect(write(place.file("project"), filesOf(), { force })).rejects.toMatchObject({ code: "USAGE" });
    }
    await expect(check(place.file("project"), filesOf())).rejects.toMatchObject({ code: "USAGE" });
    expect(await contentsOf(place.path)).toEqual(before);
  });

  test("and a file in its place is refused", async () => {
    await using place = await temporaryDirectory();
    await writeFile(place.file("deploy"), "a file");
    await expect(write(place.file("deploy"), filesOf())).rejects.toMatchObject({ code: "USAGE" });
    expect(await readFile(place.file("deploy"), "utf8")).toBe("a file");
  });

  test("behind a link in a generated one is never written to", async () => {
    await using place = await temporaryDirectory();
    await mkdir(place.file("outside"));
    await write(place.file("deploy"), filesOf());
    await symlink(place.file("outside"), place.file("deploy/kubernetes"));
    await rm(place.file("deploy/README.md"));
    await symlink(place.file("outside/target"), place.file("deploy/README.md"));
    const plan = await write(place.file("deploy"), filesOf({ kubernetes: true }));
    expect(plan.kept).toContain("README.md");
    await expect(write(place.file("deploy"), filesOf(), { force: true })).rejects.toMatchObject({ code: "USAGE" });
    expect(await readdir(place.file("outside"))).toEqual([]);
  });
});

describe("an error leaves everything as it was", () => {
  test.skipIf(!IS_ROOT)("when the disk is full", async () => {
    await using disk = await mountSmallDisk(256 * 1024);
    const small = filesOf();
    const large = filesOf({ server: Buffer.alloc(1024 * 1024, "x"), apiPort: 9000 });
    await expect(write(join(disk.path, "deploy"), large)).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(await readdir(disk.path)).toEqual([]);
    await write(join(disk.path, "deploy"), small);
    await expect(write(join(disk.path, "deploy"), large)).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(await contentsOf(join(disk.path, "deploy"))).toEqual(digestsOf(small));
  });

  test.skipIf(!IS_ROOT)("when the disk is read-only", async () => {
    await using disk = await mountSmallDisk(1024 * 1024);
    await write(join(disk.path, "deploy"), filesOf());
    disk.makeReadOnly();
    await expect(write(join(disk.path, "deploy"), filesOf({ apiPort: 9000 }))).rejects.toMatchObject({
      code: "PERMISSION_DENIED",
    });
    expect(await contentsOf(join(disk.path, "deploy"))).toEqual(digestsOf(filesOf()));
  });

  test("when a file cannot be replaced after others were", async () => {
    await using place = await temporaryDirectory();
    await writeFile(place.file("one"), "one");
    await writeFile(place.file("two"), "two");
    const before = await contentsOf(place.path);
    const transaction = new Transaction();
    await transaction.prepareFolder(place.file("folder"));
    for (const name of ["one", "new", "folder/new"]) {
      await transaction.replace(place.file(name), await transaction.stage(place.file(name), Buffer.from("changed")));
    }
    await transaction.remove(place.file("two"));
    expect(await readFile(place.file("one"), "utf8")).toBe("changed");
    await expect(transaction.replace(place.file("one"), place.file("nothing"))).rejects.toThrow("ENOENT");
    await transaction.rollBack();
    expect(await contentsOf(place.path)).toEqual(before);
    expect((await readdir(place.path)).sort()).toEqual(["one", "two"]);
  });
});

describe("a run that was killed in the middle", () => {
  test("is finished by the next one, which takes neither generation for somebody's work", async () => {
    await using place = await temporaryDirectory();
    const [first, second, third] = [filesOf(), filesOf({ apiPort: 9000 }), filesOf({ apiPort: 9001 })];
    await write(place.path, first);
    // As the manifest stands while files are replaced: some are of the second generation already.
    const manifest = parseManifest(Buffer.from(second.get(MANIFEST_NAME) ?? []).toString());
    const replacing = parseManifest(Buffer.from(first.get(MANIFEST_NAME) ?? []).toString())?.files;
    await writeFile(place.file(MANIFEST_NAME), JSON.stringify({ ...manifest, replacing }));
    await writeFile(place.file("README.md"), second.get("README.md") ?? "");
    await writeFile(place.file(`.Dockerfile.999999999.${crypto.randomUUID()}.tmp`), "half");
    expect(isUpToDate(await check(place.path, second))).toBe(false);
    expect((await write(place.path, third)).kept).toEqual([]);
    expect(await contentsOf(place.path)).toEqual(digestsOf(third));
  });

  test("in an empty directory, before there was a manifest, does not make it foreign", async () => {
    await using place = await temporaryDirectory();
    await writeFile(place.file(`.Dockerfile.999999999.${crypto.randomUUID()}.tmp`), "half");
    await write(place.path, filesOf());
    expect(await contentsOf(place.path)).toEqual(digestsOf(filesOf()));
  });
});

test("files can be read by everybody, whatever the umask", async () => {
  await using place = await temporaryDirectory();
  const umask = process.umask(0o077);
  try {
    await write(place.file("deploy"), filesOf());
  } finally {
    process.umask(umask);
  }
  const { mode } = await stat(place.file("deploy/server.js"));
  expect(mode & 0o777).toBe(0o644);
});

function filesOf(changes: Partial<GenerationInput> = {}): Map<string, Uint8Array> {
  return generateFiles(generationInput({ name: "shop", ...changes })).files;
}

function digestsOf(files: ReadonlyMap<string, Uint8Array>): Record<string, string> {
  return Object.fromEntries([...files].map(([path, content]) => [path, sha256(content)]));
}

/** Every regular file below, by its digest. */
async function contentsOf(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const digests = files.map(async (file) => [file.slice(directory.length + 1), sha256(await readFile(file))] as const);
  return Object.fromEntries(await Promise.all(digests));
}

function manifestWith(path: string): string {
  const flow = { name: "x", version: "1.0.0" };
  const files = { [path]: sha256(Buffer.from("alive")) };
  return JSON.stringify({ generator: "stigmer", version: "0.1.0", name: "x", flow, files });
}
