import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FakeModel } from "../support/fake-model.ts";
import { RunningCommand } from "../support/running-command.ts";
import { docker, processesOf, StackRig } from "../support/stack-rig.ts";

const KEY = "sk-e2e-0123456789-abcdefghij";
const TOOL_SECRET = "tool-secret-9876543210-zyxw";

const agentOf = (model: FakeModel): string => `
apiVersion: stigmer/v1
kind: Agent
metadata: { name: keeper }
spec:
  model: { provider: openai-compatible, name: fake, base_url: "${model.url}", api_key_env: E2E_MODEL_KEY }
  tools: [shell]
  env: [{ name: E2E_TOOL_SECRET, secret: true, required: true }]
`;

describe("a key in secrets.env and the token of the API", () => {
  let model: FakeModel;
  let rig: StackRig;
  let run: RunningCommand;
  /** What must be found nowhere, by name. */
  let secrets: Record<string, string>;

  beforeAll(async () => {
    model = await FakeModel.start([
      { text: "", toolCalls: [{ name: "shell", arguments: { command: `printf %s "$E2E_TOOL_SECRET" | wc -c` } }] },
      { text: "", toolCalls: [{ name: "shell", arguments: { command: `echo "it is $E2E_TOOL_SECRET"; env` } }] },
      { silentAfter: "now I think" },
    ]);
    // A key that was pasted into a comment is no secret any more where it stands, but a bundle must not carry it on.
    rig = new StackRig({ config: `server: { port: 0 } # ${KEY}\n` });
    rig.write("secrets.env", `E2E_MODEL_KEY=${KEY}\nE2E_TOOL_SECRET=${TOOL_SECRET}\n`);
    const { exitCode, stderr } = await rig.run(["apply", "-f", "-"], { input: agentOf(model) });
    expect(exitCode, stderr).toBe(0);
    // The third answer stays away, so that everything is looked at while the keys are in use.
    run = new RunningCommand(rig.spawn(["run", "--agent", "keeper"]));
    await run.until("the model to think", ({ stdout }) => stdout.includes("now I think"));
    secrets = { key: KEY, "tool secret": TOOL_SECRET, token: rig.read("run", "token").trim() };
  });

  afterAll(async () => {
    expect(await run.interrupt()).toBe(130);
    expect(await rig.dispose()).toEqual([]);
    await model.stop();
  });

  /** The names of the secrets that a text holds. */
  function foundIn(text: string): string[] {
    return Object.entries(secrets).flatMap(([name, value]) => (text.includes(value) ? [name] : []));
  }

  test("are used: the model service gets its key, and the tool its variable", () => {
    expect(model.requests.map(({ headers }) => headers.authorization)).toEqual(Array(3).fill(`Bearer ${KEY}`));
    expect(JSON.stringify(model.requests[1]?.body)).toMatch(new RegExp(`\\D${TOOL_SECRET.length}\\b`));
    // The search of the tests below finds them where they are.
    expect(foundIn(rig.read("secrets.env") + rig.read("run", "token"))).toEqual(Object.keys(secrets));
  });

  test("are in no command line of any process", () => {
    const lines = readdirSync("/proc").flatMap((name) => {
      try {
        return /^\d+$/.test(name) ? [readFileSync(`/proc/${name}/cmdline`, "utf8")] : [];
      } catch {
        return []; // It ended while we looked.
      }
    });
    expect(lines.join("\n")).toContain("stigmer"); // The look itself works.
    expect(lines.flatMap(foundIn)).toEqual([]);
  });

  test("are in no environment of the stack's processes, the container's own included", async () => {
    const init = Number(await docker("inspect", "-f", "{{.State.Pid}}", rig.containerId()));
    const runner = await docker("top", rig.containerId(), "-o", "pid");
    const inContainer = runner.split("\n").slice(1).map(Number);
    const pids = new Set([init, ...inContainer, ...processesOf(rig.instance()).map(({ pid }) => pid)]);
    expect(pids.size).toBeGreaterThan(3);
    for (const pid of pids) expect(foundIn(readFileSync(`/proc/${pid}/environ`, "utf8"))).toEqual([]);
  });

  test("are not in docker inspect, the image or its history", async () => {
    const container = await docker("inspect", rig.containerId());
    expect(container).toContain(rig.instance());
    const image = await docker("image", "inspect", "stigmer-agent-runner:local");
    const history = await docker("history", "--no-trunc", "stigmer-agent-runner:local");
    expect(foundIn(container + image + history)).toEqual([]);
  });

  test("are in no log, neither ours nor Docker's, and not in what the run printed", async () => {
    const logs = await rig.run(["server", "logs", "-n", "all", "--json"]);
    expect(logs.stdout).toContain("polling");
    const ofDocker = await docker("logs", rig.containerId());
    const folder = readdirSync(rig.path("data", "logs")).map((name) => rig.read("data", "logs", name));
    expect(foundIn([logs.stdout, logs.stderr, ofDocker, ...folder, run.stdout, run.stderr].join("\n"))).toEqual([]);
  });

  test("are not in status, config, the definition or the execution's events, where a tool printed one", async () => {
    const list = await rig.json<{ executions: { id: string }[] }>(["execution", "list"]);
    const id = list.envelope.data.executions[0]?.id ?? "";
    const events = await rig.run(["execution", "events", id, "--json"]);
    expect(events.stdout).toContain("it is "); // The tool printed it, and here it is masked.
    for (const args of [
      ["server", "status"],
      ["config", "list"],
      ["agent", "show", "keeper"],
      ["execution", "show", id],
    ]) {
      const { stdout, exitCode } = await rig.run([...args, "--json"]);
      expect([args, exitCode, foundIn(stdout)]).toEqual([args, 0, []]);
    }
    expect(foundIn(events.stdout)).toEqual([]);
  });

  test.each([
    ["bundle.json", (bytes: Buffer) => bytes.toString()],
    ["bundle.tar.gz", (bytes: Buffer) => gunzipSync(bytes).toString()],
  ])("are not in the support bundle %s", async (name, open) => {
    const file = rig.path(name);
    const { stdout, exitCode } = await rig.run(["doctor", "--bundle", file, "--json"]);
    expect([exitCode, foundIn(stdout)]).toEqual([0, []]);
    const text = open(readFileSync(file));
    expect(text).toContain(rig.instance());
    expect(text).toContain("polling"); // The logs are in it.
    expect(foundIn(text)).toEqual([]);
  });
});
