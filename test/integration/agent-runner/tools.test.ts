import { execFileSync } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Json } from "@stigmer/agent-runner/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TOOL_NAMES } from "../../../agent-runner/src/tools/names.ts";
import { openToolbox, type Toolbox } from "../../../agent-runner/src/tools/toolbox.ts";
import { isAlive } from "../../support/process-state.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const LIMIT_BYTES = 64 * 1024;

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let toolbox: Toolbox;

beforeEach(async () => {
  directory = await temporaryDirectory();
  await mkdir(directory.file("workspace/src"), { recursive: true });
  await writeFile(directory.file("outside.txt"), "a secret of the machine");
  toolbox = await openToolbox({
    names: TOOL_NAMES,
    mcpServers: [],
    skills: [],
    keys: {},
    signal: new AbortController().signal,
    workspaceRoot: directory.file("workspace"),
    environment: { PATH: process.env["PATH"] ?? "", HOME: directory.path },
  });
});

afterEach(() => directory[Symbol.asyncDispose]());

async function call(tool: string, args: Json, signal = new AbortController().signal) {
  return await toolbox.run(tool, args, signal);
}

function inWorkspace(name: string): string {
  return directory.file(`workspace/${name}`);
}

describe("file tools", () => {
  test("write, read and edit inside the workspace, making folders on the way", async () => {
    expect(await call("file_write", { path: "a/b/c.txt", content: "one two" })).toMatchObject({ ok: true });
    expect(await call("file_read", { path: "a/b/c.txt" })).toEqual({ ok: true, output: "one two" });
    expect(await call("file_edit", { path: "a/b/c.txt", old_text: "two", new_text: "$& three" })).toMatchObject({
      ok: true,
    });
    expect(await readFile(inWorkspace("a/b/c.txt"), "utf8")).toBe("one $& three");
    expect(await call("file_write", { path: "a/b/c.txt", content: "x" })).toMatchObject({ ok: true });
    expect(await readFile(inWorkspace("a/b/c.txt"), "utf8")).toBe("x");
  });

  test("take an absolute path into the workspace", async () => {
    await writeFile(inWorkspace("x"), "here");
    expect(await call("file_read", { path: inWorkspace("x") })).toEqual({ ok: true, output: "here" });
  });

  test.each([
    ["..", "../outside.txt"],
    ["an absolute path", "/etc/hostname"],
    [".. behind a folder", "src/../../outside.txt"],
    ["a link to a file", "link-file"],
    ["a link to a folder", "link-folder/outside.txt"],
    ["a new file in a linked folder", "link-folder/new.txt"],
    ["a folder with the workspace's name as its beginning", "../workspace-2/x"],
    ["a link to nowhere", "link-nowhere"],
  ])("refuse %s", async (_, path) => {
    await mkdir(directory.file("workspace-2"));
    await writeFile(directory.file("workspace-2/x"), "next door");
    await symlink(directory.file("outside.txt"), inWorkspace("link-file"));
    await symlink(directory.path, inWorkspace("link-folder"));
    await symlink(directory.file("made-through-link.txt"), inWorkspace("link-nowhere"));
    for (const [tool, args] of [
      ["file_read", { path }],
      ["file_write", { path, content: "overwritten" }],
      ["file_edit", { path, old_text: "a", new_text: "b" }],
    ] as const) {
      const result = await call(tool, args);
      expect(result).toEqual({ ok: false, output: expect.stringMatching(/outside the workspace|does not exist/) });
    }
    expect(await readFile(directory.file("outside.txt"), "utf8")).toBe("a secret of the machine");
    await expect(readFile(directory.file("made-through-link.txt"))).rejects.toThrow("ENOENT");
    await expect(readFile(directory.file("new.txt"))).rejects.toThrow("ENOENT");
  });

  test("follow a link that stays inside", async () => {
    await writeFile(inWorkspace("src/real.txt"), "real");
    await symlink("src/real.txt", inWorkspace("alias"));
    expect(await call("file_read", { path: "alias" })).toEqual({ ok: true, output: "real" });
  });

  test.each([
    ["file_read", { path: "none.txt" }, "does not exist"],
    ["file_read", { path: "src" }, "is a directory"],
    ["file_write", { path: "src", content: "x" }, "is a directory"],
    ["file_read", { path: "fifo" }, "is not a regular file"],
    ["file_read", { path: "binary" }, "is not a text file"],
    ["file_read", { path: "text/below" }, "not a directory"],
    ["file_edit", { path: "text", old_text: "z", new_text: "" }, "does not stand in"],
    ["file_edit", { path: "text", old_text: "a", new_text: "" }, "more than once"],
    ["file_edit", { path: "text", old_text: "", new_text: "x" }, "old_text is empty"],
    ["file_search", { pattern: "(" }, "Invalid regular expression"],
    ["file_glob", { pattern: "../*" }, "outside the workspace"],
  ])("%s %j tells the model what is wrong", async (tool, args, message) => {
    execFileSync("mkfifo", [inWorkspace("fifo")]);
    await writeFile(inWorkspace("binary"), Buffer.from([1, 0, 2]));
    await writeFile(inWorkspace("text"), "a and a");
    expect(await call(tool, args)).toEqual({ ok: false, output: expect.stringContaining(message) });
  });

  test("read head and tail of a large file", async () => {
    await writeFile(inWorkspace("large"), `HEAD${"x".repeat(1_000_000)}TAIL`);
    const { output } = await call("file_read", { path: "large" });
    expect(Buffer.byteLength(output)).toBeLessThanOrEqual(LIMIT_BYTES);
    expect(output).toMatch(/^HEADx+\n\[… \d+ bytes dropped …\]\nx+TAIL$/);
  });

  test("find files by pattern and lines by expression, without .git and node_modules", async () => {
    for (const path of ["src/a.ts", "src/deep/b.ts", "c.md", ".git/d.ts", "node_modules/e/f.ts"]) {
      await mkdir(inWorkspace(path.replace(/\/?[^/]*$/, "")), { recursive: true });
      await writeFile(inWorkspace(path), "first\nneedle here\n");
    }
    await symlink(directory.path, inWorkspace("loop"));
    expect(await call("file_glob", { pattern: "**/*.ts" })).toEqual({ ok: true, output: "src/a.ts\nsrc/deep/b.ts" });
    expect(await call("file_glob", { pattern: "node_modules/**" })).toEqual({
      ok: true,
      output: "node_modules/e/f.ts",
    });
    expect(await call("file_search", { pattern: "^need.e" })).toEqual({
      ok: true,
      output: "c.md:2: needle here\nsrc/a.ts:2: needle here\nsrc/deep/b.ts:2: needle here",
    });
    expect(await call("file_glob", { pattern: "*.none" })).toEqual({ ok: true, output: "no file matches" });
  });

  test("end an expression that would take for ever", async () => {
    await writeFile(inWorkspace("long"), `${"a".repeat(40)}!`);
    expect(await call("file_search", { pattern: "^(a+)+$" })).toEqual({
      ok: false,
      output: expect.stringContaining("takes too long"),
    });
  });
});

/** Prints the PID of a process that is outside the group when the command ends. */
function leaving(setsid: string): string {
  return `${setsid} sh -c 'echo $$ >left; exec sleep 1000' & until [ -s left ]; do sleep 0.01; done; cat left`;
}

function leftPid(output: string): string {
  return /^exit code: 0\nstdout:\n(\d+)$/.exec(output)?.[1] ?? "";
}

describe("shell", () => {
  test("gives exit code, stdout and stderr, starts in the workspace, and has no input", async () => {
    expect(await call("shell", { command: "pwd; cat; echo oops >&2; exit 3" })).toEqual({
      ok: false,
      output: `exit code: 3\nstdout:\n${directory.file("workspace")}\nstderr:\noops`,
    });
  });

  test("is bounded in its output, and keeps head and tail", async () => {
    const { ok, output } = await call("shell", { command: "echo HEAD; yes | head -c 5000000; echo; echo TAIL" });
    expect(ok).toBe(true);
    expect(Buffer.byteLength(output)).toBeLessThanOrEqual(LIMIT_BYTES);
    expect(output).toMatch(/^exit code: 0\nstdout:\nHEAD\n/);
    expect(output).toMatch(/\[… \d+ bytes dropped …\]/);
    expect(output).toMatch(/TAIL$/);
  });

  test("keeps head and tail of both streams when both are long", async () => {
    const long = (name: string) => `echo ${name}-HEAD; yes ${name} | head -c 500000; echo; echo ${name}-TAIL`;
    const { output } = await call("shell", { command: `{ ${long("out")}; }; { ${long("err")}; } >&2` });
    expect(Buffer.byteLength(output)).toBeLessThanOrEqual(LIMIT_BYTES);
    expect(output).toMatch(/stdout:\nout-HEAD\n[\s\S]*\nout-TAIL\nstderr:\nerr-HEAD\n[\s\S]*\nerr-TAIL$/);
  });

  test("ends what the command left behind, and does not wait for it", async () => {
    const { output } = await call("shell", { command: "sleep 1000 & echo $!" });
    const pid = /stdout:\n(\d+)/.exec(output)?.[1] ?? "";
    await expect.poll(() => isAlive(pid), { timeout: 15_000 }).toBe(false);
  });

  test("ends what left the command's group as well", async () => {
    const { output } = await call("shell", { command: leaving("setsid") });
    const pid = leftPid(output);
    await expect.poll(() => isAlive(pid), { timeout: 15_000 }).toBe(false);
  });

  test("does not wait for a child that got away with the output open", async () => {
    const { output } = await call("shell", { command: leaving("env -i setsid") });
    const pid = leftPid(output);
    expect(isAlive(pid)).toBe(true);
    process.kill(Number(pid), "SIGKILL");
  });

  test("ends with the signal's reason", async () => {
    const stop = new AbortController();
    const running = call("shell", { command: "sleep 1000" }, stop.signal);
    stop.abort("cancelled");
    await expect(running).rejects.toBe("cancelled");
  });

  test("tells which signal killed the command", async () => {
    expect(await call("shell", { command: "kill -KILL $$" })).toMatchObject({ ok: false, output: "killed by SIGKILL" });
  });
});

describe("web_fetch", () => {
  test("gives the text of a page, and tells what cannot be fetched", async () => {
    const server = createServer((_, response) => {
      response.writeHead(200, { "content-type": "text/html" });
      response.end("<html><style>p{}</style><p>Good &amp; plain</p><script>x()</script></html>");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    expect(await call("web_fetch", { url })).toEqual({ ok: true, output: "status: 200\nGood & plain" });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(await call("web_fetch", { url })).toEqual({
      ok: false,
      output: expect.stringContaining("cannot be fetched"),
    });
    expect(await call("web_fetch", { url: "file:///etc/passwd" })).toEqual({
      ok: false,
      output: expect.stringContaining("no http or https address"),
    });
  });
});

test("web_search without a key names the variable", async () => {
  expect(await call("web_search", { query: "x" })).toEqual({
    ok: false,
    output: expect.stringContaining("SERPER_API_KEY"),
  });
});
