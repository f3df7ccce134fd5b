import { execFile, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { marked } from "marked";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { faultsOf } from "../support/envelope.ts";
import { freePort } from "../support/free-port.ts";
import { RunningCommand } from "../support/running-command.ts";
import { docker, StackRig } from "../support/stack-rig.ts";

const run = promisify(execFile);
const UP_MS = 600_000;
/** What a job or a container may take on a machine that does other things as well. */
const PATIENCE = { timeout: 120_000, interval: 250 };

/** Two nodes that each take a second, so that something can happen in between. */
const WORKFLOW = `
schema_version: "1.0"
flow: { name: slow writer, version: 2.1.0 }
state:
  fields:
    topic: { type: str, required: true }
    first: { type: str }
    second: { type: str }
nodes:
  - { id: one, prompt: "{topic}", outputs: [first] }
  - { id: two, prompt: "{first}", outputs: [second] }
edges: [{ from: START, to: one }, { from: one, to: two }, { from: two, to: END }]
config: { llm: { provider: scripted, delay_ms: 1000, script: [{ text: written }] } }
`;

interface UpData {
  name: string;
  url: string;
  containerId: string;
  directory: string;
  state: string;
}

describe("a deployment from the command line", { timeout: UP_MS }, () => {
  const rig = new StackRig();
  const name = `dep-${randomBytes(4).toString("hex")}`;
  const directory = rig.path("..", "deploy");
  const file = rig.path("..", "flow.yaml");
  let port: number;

  const upArguments = (...more: string[]) => [
    ...["deploy", "up", file, "--output", directory, "--name", name],
    ...["--api-port", String(port), "--sync-timeout", "1s", ...more],
  ];

  beforeAll(async () => {
    port = await freePort();
    writeFileSync(file, WORKFLOW);
    const { envelope, stdout } = await rig.json<UpData>(upArguments());
    expect(faultsOf("envelope.json", envelope)).toEqual([]);
    expect(envelope, stdout).toMatchObject({ status: "ok", data: { name, url: url(), state: "running", directory } });
  }, UP_MS);

  afterAll(async () => {
    await rig.run(["deploy", "down", name, "--volumes"]);
    expect(await leftovers(name)).toEqual([]);
    expect(await rig.dispose()).toEqual([]);
  });

  function url(path = ""): string {
    return `http://127.0.0.1:${port}${path}`;
  }

  async function ask(path: string, init: RequestInit = {}) {
    const answer = await fetch(url(path), init);
    return { status: answer.status, body: JSON.parse(await answer.text()) };
  }

  function post(inputs: object, headers: Record<string, string> = {}) {
    return ask("/run", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(inputs),
    });
  }

  async function ended(jobId: string, how = /completed|failed/) {
    await expect.poll(async () => (await ask(`/status/${jobId}`)).body.status, PATIENCE).toMatch(how);
    return (await ask(`/status/${jobId}`)).body;
  }

  test("is told by status, with exit code 0", async () => {
    const { envelope, exitCode } = await rig.json<UpData>(["deploy", "status", name]);
    expect(exitCode).toBe(0);
    expect(faultsOf("envelope.json", envelope)).toEqual([]);
    expect(envelope.data).toMatchObject({ name, url: url(), state: "running" });
  });

  test("has the endpoints that its README names, and no others", async () => {
    const { body } = await ask("/openapi.json");
    const served = Object.entries<object>(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const named = [...readme().matchAll(/^\| `((?:GET|POST|DELETE) [^`]+)` \|/gm)].map(([, endpoint]) => endpoint);
    expect(named.toSorted()).toEqual(served.toSorted());
  });

  test("does what the README's commands say", async () => {
    const [, ...commands] = shellBlocks().filter((block) => block.startsWith("curl") && !block.includes("Bearer"));
    expect(commands.length).toBeGreaterThanOrEqual(3);
    for (const command of commands) {
      const { stdout } = await run("sh", ["-ec", command]);
      expect(stdout, command).not.toContain('"error":{');
    }
    const { body } = await ask("/jobs");
    for (const { job_id } of body.jobs) expect((await ended(job_id)).outputs.second).toBe("written");
  });

  test("tells stigmer's version and the flow's", async () => {
    expect((await ask("/")).body).toMatchObject({ name: "slow writer", version: "2.1.0", stigmer_version: "0.1.0" });
  });

  test("answers 202 after the sync timeout, and the job goes on and ends once", async () => {
    const before = (await ask("/jobs?limit=100")).body.jobs.length;
    const { body, status } = await post({ topic: "x" });
    expect(status).toBe(202);
    expect(await ended(body.job_id)).toMatchObject({ status: "completed", outputs: { first: "written" } });
    expect((await ask("/jobs?limit=100")).body.jobs).toHaveLength(before + 1);
  });

  test("goes on with a job after its container was killed, from the last finished node", async () => {
    const { body } = await post({ topic: "x" });
    await expect.poll(() => text(`/events/${body.job_id}`), PATIENCE).toContain('"node.completed"');
    await docker("kill", name);
    await docker("start", name);
    await expect.poll(() => ask("/health/ready").then(({ status }) => status, String), PATIENCE).toBe(200);
    expect(await ended(body.job_id)).toMatchObject({ status: "completed", outputs: { second: "written" } });
    const events = await text(`/events/${body.job_id}`);
    expect(events.match(/"type":"node.completed"/g)).toHaveLength(2);
    expect(events.match(/"type":"execution.succeeded"/g)).toHaveLength(1);
  });

  test("is replaced while a job runs, and the job goes on in the new one", async () => {
    const { body } = await post({ topic: "x" }, { prefer: "respond-async" });
    expect((await rig.run(upArguments())).exitCode).toBe(0);
    expect(await ended(body.job_id)).toMatchObject({ status: "completed" });
  });

  test("is replaced without waiting for a job that takes its time", async () => {
    const slow = WORKFLOW.replace("delay_ms: 1000", "delay_ms: 20000");
    writeFileSync(file, slow);
    expect((await rig.run(upArguments())).exitCode).toBe(0);
    const { body } = await post({ topic: "x" }, { prefer: "respond-async" });
    await expect.poll(async () => (await ask(`/status/${body.job_id}`)).body.status, PATIENCE).toBe("running");
    writeFileSync(file, WORKFLOW);
    expect((await rig.run(upArguments())).exitCode).toBe(0);
    // It began with 20 s a node, and by that workflow it goes on: nobody waited for it.
    expect((await ask(`/status/${body.job_id}`)).body.status).toBe("running");
    await ask(`/jobs/${body.job_id}`, { method: "DELETE" });
    expect((await ended(body.job_id, /cancelled/)).status).toBe("cancelled");
  });

  test("wants the token that .env sets, once it was replaced", async () => {
    writeFileSync(join(directory, ".env"), "API_TOKEN=the-token\n");
    expect((await rig.run(upArguments())).exitCode).toBe(0);
    expect((await ask("/jobs")).status).toBe(401);
    expect((await ask("/jobs", { headers: { authorization: "Bearer the-token" } })).status).toBe(200);
    expect((await ask("/health")).status).toBe(200);
    expect(await docker("inspect", name)).not.toContain("the-token");
    writeFileSync(join(directory, ".env"), "");
    expect((await rig.run(upArguments())).exitCode).toBe(0);
  });

  test("serves on when an up is killed at any moment, and the next up clears up", async () => {
    for (const moment of ["Building", "Proving"]) {
      const child = rig.spawn(upArguments());
      const command = new RunningCommand(child);
      await command.until(moment, ({ stderr }) => stderr.includes(moment));
      child.kill("SIGKILL");
      await command.ended;
      expect((await ask("/health/ready")).status).toBe(200);
    }
    expect((await rig.run(upArguments())).exitCode).toBe(0);
    expect(await docker("ps", "-aq", "--filter", `label=ai.stigmer.deployment=${name}`)).toMatch(/^[0-9a-f]{12}$/);
    expect(await docker("volume", "ls", "-q", "--filter", `label=ai.stigmer.deployment=${name}`)).toBe(`${name}-jobs`);
  });

  test("an up that is interrupted exits 130 and leaves what was there", async () => {
    const before = await docker("ps", "-aq", "--filter", `label=ai.stigmer.deployment=${name}`);
    const command = new RunningCommand(rig.spawn(upArguments()));
    await command.until("the build", ({ stderr }) => stderr.includes("Building"));
    expect(await command.interrupt()).toBe(130);
    expect(await docker("ps", "-aq", "--filter", `label=ai.stigmer.deployment=${name}`)).toBe(before);
  });

  test("down keeps the jobs, which a next up has again; an unknown name is not found", async () => {
    const jobs = (await ask("/jobs?limit=100")).body.jobs.length;
    expect(await rig.run(["deploy", "down", name])).toMatchObject({ exitCode: 0 });
    expect(await rig.json(["deploy", "status", name])).toMatchObject({
      exitCode: 1,
      envelope: { error: { code: "NOT_FOUND" } },
    });
    expect(await rig.json(["deploy", "down", name])).toMatchObject({
      exitCode: 1,
      envelope: { error: { code: "NOT_FOUND" } },
    });
    expect((await rig.run(upArguments())).exitCode).toBe(0);
    expect((await ask("/jobs?limit=100")).body.jobs).toHaveLength(jobs);
    const misspelt = await rig.json(["deploy", "down", `${name}x`]);
    expect(misspelt.envelope.error).toMatchObject({ code: "NOT_FOUND", message: expect.stringContaining(name) });
  });

  async function text(path: string): Promise<string> {
    const answer = await fetch(url(path), { signal: AbortSignal.timeout(1_000) });
    let seen = "";
    try {
      for await (const chunk of answer.body ?? []) seen += Buffer.from(chunk).toString();
    } catch {
      // A stream of a job that goes on: what came until now is what was asked for.
    }
    return seen;
  }

  function readme(): string {
    return readFileSync(join(directory, "README.md"), "utf8");
  }

  function shellBlocks(): string[] {
    return marked.lexer(readme()).flatMap((token) => (token.type === "code" ? [String(token["text"])] : []));
  }
});

describe.runIf(hasCompose())("the generated directory under docker-compose", { timeout: UP_MS }, () => {
  test("is accepted, built, run, healthy and removed", async () => {
    const rig = new StackRig();
    const name = `dep-${randomBytes(4).toString("hex")}`;
    const directory = rig.path("..", "composed");
    const port = await freePort();
    writeFileSync(rig.path("..", "flow.yaml"), WORKFLOW);
    const [file, options] = [rig.path("..", "flow.yaml"), ["--name", name, "--api-port", String(port)]];
    await rig.run(["deploy", "generate", file, "--output", directory, ...options]);
    const [base] = (await docker("images", "-q", "stigmer-base")).split("\n");
    const compose = (...args: string[]) =>
      run("docker-compose", args, { cwd: directory, env: { ...process.env, ...(base ? { BASE_IMAGE: base } : {}) } });
    try {
      const { stdout } = await compose("config", "--services");
      expect(stdout.trim()).toBe(`api-${name}`);
      await compose("up", "-d", "--build");
      const ready = () => fetch(`http://127.0.0.1:${port}/health/ready`).then(({ status }) => status, String);
      await expect.poll(ready, PATIENCE).toBe(200);
      expect(await rig.json(["deploy", "status", name])).toMatchObject({
        exitCode: 0,
        envelope: { data: { state: "running", directory } },
      });
      await compose("down", "--volumes");
    } finally {
      await rig.run(["deploy", "down", name, "--volumes"]);
    }
    expect(await leftovers(name)).toEqual([]);
    expect(await rig.dispose()).toEqual([]);
  });
});

function hasCompose(): boolean {
  try {
    execFileSync("docker-compose", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false; // Told by vitest as skipped.
  }
}

/** Everything in Docker that has the deployment's label. */
async function leftovers(name: string): Promise<string[]> {
  const filter = ["-q", "--filter", `label=ai.stigmer.deployment=${name}`];
  const lists = await Promise.all([
    docker("ps", "-a", ...filter),
    docker("images", ...filter),
    docker("network", "ls", ...filter),
    docker("volume", "ls", ...filter),
  ]);
  return lists.flatMap((list) => list.split("\n").filter(Boolean));
}
