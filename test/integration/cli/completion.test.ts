import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { runCli } from "../../support/cli-process.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

function isInstalled(shell: string): boolean {
  return spawnSync(shell, ["-c", "true"]).status === 0;
}

async function scriptFor(shell: string): Promise<string> {
  await using home = await temporaryDirectory();
  const { exitCode, stdout, stderr } = await runCli(["completion", shell], { home: home.path });
  expect([exitCode, stderr]).toEqual([0, ""]);
  return stdout;
}

for (const shell of ["bash", "zsh", "fish"]) {
  test.skipIf(!isInstalled(shell))(`${shell} accepts its script`, async () => {
    await using directory = await temporaryDirectory();
    await writeFile(directory.file("script"), await scriptFor(shell));
    const { status, stderr } = spawnSync(shell, ["-n", directory.file("script")], { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
  });
}

test.each([
  [["stigmer", "server", ""], "start stop restart status logs"],
  [["stigmer", "--home", "/h", "server", "st"], "start stop status"],
  [["stigmer", "server", "logs", "-c", "agent"], "agent-runner"],
  [["stigmer", "--json", "server", "start", "--runtime", ""], "docker process"],
  [["stigmer", "server", "start", "--bu"], "--build"],
  [["stigmer", "config", "get", "llm.m"], "llm.model"],
])("bash completes %j", async (words, expected) => {
  const script = `${await scriptFor("bash")}
COMP_WORDS=("$@"); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _stigmer; echo "\${COMPREPLY[@]}"`;
  expect(spawnSync("bash", ["-c", script, "bash", ...words], { encoding: "utf8" }).stdout.trim()).toBe(expected);
});
