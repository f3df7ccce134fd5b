import { afterEach, describe, expect, test } from "vitest";
import type { StackStatus } from "../../src/stack/component.ts";
import { freePort } from "../support/free-port.ts";
import { type RigOptions, StackRig } from "../support/stack-rig.ts";

const rigs: StackRig[] = [];

function rigWith(options: RigOptions): StackRig {
  const rig = new StackRig(options);
  rigs.push(rig);
  return rig;
}

afterEach(async () => {
  for (const rig of rigs.splice(0)) expect(await rig.dispose()).toEqual([]);
});

describe("a start with wrong settings exits 2, says what is wrong, and changes nothing", () => {
  test.each([
    ["a truncated file", "# mine\nserver:\n  port: [72", ["config.yaml:3"]],
    ["an unknown key", "server:\n  host: 127.0.0.1\n  prot: 7234\n", ["config.yaml:3", '"prot"', "did you mean port?"]],
    ["an unknown section", "agent_runer: { runtime: process }\n", ["config.yaml:1", "did you mean agent_runner?"]],
    ["a value of the wrong kind", "# mine\nserver: { port: high }\n", ["config.yaml:2", "server.port", '"high"']],
    ["a section that is a list", "server: [1, 2]\n", ["config.yaml:1", "server"]],
    ["two mistakes, both at once", "server: { port: -1 }\nengine: slow\n", ["server.port", "engine"]],
  ])("%s", async (_, config, parts) => {
    const rig = rigWith({ config });
    const { exitCode, envelope } = await rig.json(["server", "start"]);
    expect([exitCode, envelope.error?.code]).toEqual([2, "CONFIG_INVALID"]);
    const text = JSON.stringify(envelope.error).replaceAll('\\"', '"');
    for (const part of parts) expect(text).toContain(part);
    expect(rig.read("config.yaml")).toBe(config);
    expect(rig.has("data")).toBe(false);
  });

  test("a wrong value in the environment", async () => {
    const rig = rigWith({ env: { STIGMER_SERVER_PORT: "eighty" } });
    const { exitCode, envelope } = await rig.json(["server", "start"]);
    expect([exitCode, envelope.error?.code]).toEqual([2, "CONFIG_INVALID"]);
    expect(envelope.error?.message).toContain("STIGMER_SERVER_PORT");
    expect(rig.has("data")).toBe(false);
  });
});

test("an unknown STIGMER_ variable is a warning of every start, with the nearest name", async () => {
  const rig = rigWith({ env: { STIGMER_SERVER_PROT: "1" } });
  const { envelope } = await rig.json(["server", "start", "--dry-run"]);
  expect(envelope.warnings.join("\n")).toMatch(/STIGMER_SERVER_PROT.*STIGMER_SERVER_PORT/);
});

test("a start says that the stack runs with an older config.yaml, until a restart took the new one", async () => {
  const rig = rigWith({ config: "agent_runner: { runtime: process }\nserver: { port: 0 }\n" });
  const warnings = async (): Promise<string[]> => (await rig.json(["server", "start"])).envelope.warnings;
  await warnings();
  expect((await warnings()).filter((text) => text.includes("config.yaml"))).toEqual([]);
  expect((await rig.run(["config", "set", "logs.max_files", "7"])).exitCode).toBe(0);
  expect((await warnings()).join("\n")).toMatch(/config\.yaml was changed since the stack started.*server restart/);
  expect((await rig.run(["server", "restart"])).exitCode).toBe(0);
  expect((await warnings()).filter((text) => text.includes("config.yaml"))).toEqual([]);
});

describe("the port of the server", () => {
  test("is the one of config.yaml, and STIGMER_SERVER_PORT wins over it", async () => {
    const [inFile, inEnvironment] = [await freePort(), await freePort()];
    const rig = rigWith({ config: `server: { port: ${inFile} } # mine\n` });
    expect((await rig.run(["server", "start"])).exitCode).toBe(0);
    expect(await portOf(rig)).toBe(inFile);
    expect((await rig.run(["server", "stop"])).exitCode).toBe(0);
    const env = { STIGMER_SERVER_PORT: String(inEnvironment) };
    expect((await rig.run(["server", "start"], { env })).exitCode).toBe(0);
    expect(await portOf(rig)).toBe(inEnvironment);
    expect(rig.read("config.yaml")).toBe(`server: { port: ${inFile} } # mine\n`);
  });

  test("0 picks a free one, which survives a crash of the server, so that the container is adopted", async () => {
    const rig = rigWith({ config: "server: { port: 0 }\n" });
    expect((await rig.run(["server", "start"])).exitCode).toBe(0);
    const [port, container] = [await portOf(rig), rig.containerId()];
    expect(port).toBeGreaterThan(0);
    process.kill(rig.pid("daemon"), "SIGKILL");
    expect((await rig.run(["server", "start"])).exitCode).toBe(0);
    expect([await portOf(rig), rig.containerId()]).toEqual([port, container]);
  });

  test("0 in two homes at once picks two", async () => {
    const both = [rigWith({}), rigWith({})];
    const starts = await Promise.all(both.map((rig) => rig.run(["server", "start", "--runtime", "process"])));
    expect(starts.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    const ports = await Promise.all(both.map(portOf));
    expect(new Set(ports).size).toBe(2);
  });
});

async function portOf(rig: StackRig): Promise<number> {
  const { envelope } = await rig.json<StackStatus>(["server", "status"]);
  const server = envelope.data.components.find(({ name }) => name === "stigmer-server");
  const endpoint = server !== undefined && "endpoint" in server ? server.endpoint : "";
  const answer = await fetch(`${endpoint}/health`);
  expect(answer.status).toBe(200);
  return Number(new URL(endpoint ?? "").port);
}
