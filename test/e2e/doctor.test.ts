import { statSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FakeModel } from "../support/fake-model.ts";
import { freePort } from "../support/free-port.ts";
import { docker, StackRig } from "../support/stack-rig.ts";

interface Check {
  name: string;
  status: "pass" | "warn" | "fail" | "skip";
  message: string;
  hint: string | null;
}

async function examine(rig: StackRig): Promise<{ exitCode: number; checks: Map<string, Check> }> {
  const { envelope, exitCode } = await rig.json<{ checks: Check[] }>(["doctor"]);
  expect(envelope).toMatchObject({ status: "ok", error: null }); // It examined, whatever it found.
  return { exitCode, checks: new Map(envelope.data.checks.map((check) => [check.name, check])) };
}

describe("doctor on a machine with Docker, the image and a model service", () => {
  let model: FakeModel;
  let rig: StackRig;

  beforeAll(async () => {
    model = await FakeModel.start([{ text: "unasked" }]);
    rig = new StackRig({
      config: `server: { port: ${await freePort()} }\nllm: { model: fake, base_url: "${model.url}" }\n`,
    });
  });

  afterAll(async () => {
    expect(await rig.dispose()).toEqual([]);
    await model.stop();
  });

  test("exits 0 before the first start, and makes nothing", async () => {
    const { exitCode, checks } = await examine(rig);
    expect([...checks.values()].filter(({ status }) => status === "fail")).toEqual([]);
    expect(exitCode).toBe(0);
    for (const name of ["node", "config", "docker", "disk", "model"]) {
      expect(checks.get(name)).toMatchObject({ name, status: "pass" });
    }
    expect(checks.get("image")?.status).toMatch(/^(pass|warn)$/);
    expect(checks.get("stack")).toMatchObject({ status: "skip", message: "it does not run" });
    expect(rig.has("data")).toBe(false);
    expect(model.requests).toEqual([]);
  });

  test("exits 0 while the stack runs, its own port and container being no trouble", async () => {
    expect((await rig.run(["server", "start"])).exitCode).toBe(0);
    const { exitCode, checks } = await examine(rig);
    expect(exitCode).toBe(0);
    expect(checks.get("stack")).toMatchObject({ status: "pass" });
    expect(checks.get("port")).toMatchObject({ status: "pass" });
    expect(checks.get("state files")).toMatchObject({ status: "pass" });
    const { stdout } = await rig.run(["doctor"]);
    for (const name of checks.keys()) expect(stdout).toMatch(new RegExp(`^\\S ${name} `, "m"));
  });

  test("tells what a crash left, and names the command that mends it", async () => {
    process.kill(rig.pid("daemon"), "SIGKILL");
    const { checks } = await examine(rig);
    const told = [checks.get("stack"), checks.get("state files")].filter((check) => check?.status !== "pass");
    expect(told.length).toBeGreaterThan(0);
    expect(JSON.stringify(told)).toContain("stigmer server");
  });

  test("a bundle is a file for its owner alone, and never takes another's place", async () => {
    const file = rig.path("report.tar.gz");
    expect((await rig.run(["doctor", "--bundle", file])).exitCode).toBe(0);
    expect((statSync(file).mode & 0o777).toString(8)).toBe("600");
    expect((await rig.run(["doctor", "--bundle", file])).exitCode).toBe(2);
  });
});

test("doctor exits 1 for a missing image, and names the command that builds it", async () => {
  const rig = new StackRig({ config: 'server: { port: 0 }\nagent_runner: { image: "stigmer-e2e-no-such-image:1" }\n' });
  const { exitCode, checks } = await examine(rig);
  expect(exitCode).toBe(1);
  expect(checks.get("image")).toMatchObject({ status: "fail", message: expect.stringContaining("no-such-image") });
  expect(checks.get("image")?.hint).toContain("stigmer image build");
  expect(await rig.dispose()).toEqual([]);
});

test("with neither a docker program nor a socket, start exits 5 and says how to install and start Docker", async () => {
  const rig = new StackRig({ env: { PATH: "/nonexistent", DOCKER_HOST: "unix:///nonexistent/docker.sock" } });
  const { exitCode, envelope } = await rig.json(["server", "start"]);
  expect([exitCode, envelope.error?.code]).toEqual([5, "DOCKER_NOT_INSTALLED"]);
  const text = JSON.stringify(envelope.error);
  for (const way of ["docker", "stigmer server start", "--runtime process"]) expect(text).toContain(way);
  expect(await rig.dispose()).toEqual([]);
});

test("image status tells which image a start would run, and whether it is current", async () => {
  const rig = new StackRig();
  const { exitCode, envelope } = await rig.json<{ imageId: string }>(["image", "status"]);
  expect(exitCode).toBe(0);
  const imageId = await docker("image", "inspect", "-f", "{{.Id}}", "stigmer-agent-runner:local");
  expect(envelope.data).toMatchObject({ image: "stigmer-agent-runner:local", imageId, version: "0.1.0" });
  expect(await rig.dispose()).toEqual([]);
});
