import { mkdir, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { findDeploymentLeftovers, findLeftovers } from "../../../src/cli/leftovers.ts";
import { homePaths } from "../../../src/platform/paths.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

test("what a forced command left is read from its state files, with the command that removes it", async () => {
  await using home = await temporaryDirectory();
  const paths = homePaths(home.file("my home"));
  await mkdir(paths.dataDir, { recursive: true });
  expect(await findLeftovers(paths)).toBeNull();
  await writeFile(paths.pidFile("stigmer-server"), '4711\n{"startTime":1}\n');
  await writeFile(paths.pidFile("workflow-runner"), "\u001b[31mgarbage\n");
  await writeFile(paths.containerIdFile, `${"0123456789abcdef".repeat(4)}\n`);
  expect(await findLeftovers(paths)).toEqual({
    lines: ["stigmer-server (PID 4711)", "agent-runner (container 0123456789ab)"],
    command: `stigmer server stop --force --home '${paths.home}'`,
  });
});

test("what a forced deployment left is named by its lock, with the command that removes it", async () => {
  await using home = await temporaryDirectory();
  const paths = homePaths(home.file("home"));
  expect(await findDeploymentLeftovers(paths)).toBeNull();
  await mkdir(home.file("home/run/deploy-my-shop.lock"), { recursive: true });
  await mkdir(home.file("home/run/start.lock"));
  expect(await findDeploymentLeftovers(paths)).toEqual({
    lines: [expect.stringContaining("my-shop")],
    command: "stigmer deploy down my-shop",
  });
});
