import { execFileSync } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { expect, it } from "vitest";
import { tarFiles } from "../../../src/docker/archive.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const deep = `${"folder/".repeat(20)}${"n".repeat(90)}.txt`;
const owner = { uid: 10001, gid: 10002 };

it("an archive unpacks with tar to the same files, modes and owners", async () => {
  await using directory = await temporaryDirectory();
  const tar = tarFiles([
    { path: "token", content: "secret", mode: 0o400, ...owner },
    { path: "bin/run.sh", content: Buffer.alloc(1024, 0xff), mode: 0o755, uid: 0, gid: 0, mtime: 1_700_000_000 },
    { path: deep, content: "", mode: 0o644, uid: 0, gid: 0 },
  ]);
  const listing = execFileSync("tar", ["--numeric-owner", "--utc", "-tvf", "-"], { input: tar }).toString();
  expect(listing.split("\n").map((line) => line.replace(/ +/g, " "))).toEqual([
    "-r-------- 10001/10002 6 1970-01-01 00:00 token",
    "-rwxr-xr-x 0/0 1024 2023-11-14 22:13 bin/run.sh",
    `-rw-r--r-- 0/0 0 1970-01-01 00:00 ${deep}`,
    "",
  ]);

  execFileSync("tar", ["-C", directory.path, "--no-same-owner", "-xf", "-"], { input: tar });
  expect(await readFile(directory.file("token"), "utf8")).toBe("secret");
  expect(await readFile(directory.file("bin/run.sh"))).toEqual(Buffer.alloc(1024, 0xff));
  expect((await stat(directory.file(deep))).size).toBe(0);
});

it("the same files give the same bytes", () => {
  const files = [{ path: "a", content: "b", mode: 0o644, uid: 0, gid: 0 }];
  expect(tarFiles(files)).toEqual(tarFiles(files));
});

it("a path or an owner that does not fit is refused, not cut", () => {
  const file = { path: "a", content: "", mode: 0o644, uid: 0, gid: 0 };
  expect(() => tarFiles([{ ...file, path: "n".repeat(101) }])).toThrow(RangeError);
  expect(() => tarFiles([{ ...file, uid: 2 ** 31 }])).toThrow(RangeError);
});
