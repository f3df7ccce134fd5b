import { expect, test } from "vitest";
import { nodeRelease } from "../support/node-release.ts";
import { StackRig } from "../support/stack-rig.ts";

test.each([22, 24])(
  "on Node %i the stack starts, runs an agent, says so and stops",
  { timeout: 300_000 },
  async (major) => {
    const rig = new StackRig({ node: await nodeRelease(major) });
    const start = await rig.run(["server", "start"]);
    expect(start.exitCode, start.stderr).toBe(0);
    expect((await rig.status()).state).toBe("ready");
    expect(JSON.parse(rig.read("data", "daemon.pid").split("\n")[1] ?? "").executable).toContain(`/node/${major}/`);
    const apply = await rig.run(["apply", "-f", "-"], { input: AGENT });
    expect(apply.exitCode, apply.stderr).toBe(0);
    const run = await rig.run(["run", "--agent", "parrot"]);
    expect(run).toMatchObject({ exitCode: 0, stdout: "It works.\n" });
    expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
    expect(await rig.dispose()).toEqual([]);
  },
);

const AGENT = `
apiVersion: stigmer/v1
kind: Agent
metadata: { name: parrot }
spec:
  instructions: Say it.
  model: { provider: scripted, script: [{ text: It works. }] }
`;
