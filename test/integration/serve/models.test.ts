import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { loadDocuments } from "../../../agent-runner/src/definitions/load.ts";
import { servedWorkflow, toolWorkflow } from "../../support/deployed-workflows.ts";
import { DeploymentRig } from "../../support/deployment-rig.ts";
import { type FakeAnswer, FakeModel } from "../../support/fake-model.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let rig: DeploymentRig;
let model: FakeModel;

afterEach(async () => {
  await rig?.[Symbol.asyncDispose]();
  await model?.stop();
});

/** A server whose two nodes ask a model that gives these answers. */
async function deploy(answers: FakeAnswer[], env: Record<string, string> = {}): Promise<void> {
  model = await FakeModel.start(answers);
  rig = await DeploymentRig.create({ workflow: servedWorkflow(model.url) });
  await rig.start(env);
}

describe("a job that asks a model", () => {
  test("passes state on from node to node, and counts tokens", async () => {
    await deploy([{ text: "a draft" }, { text: "a poem", tokens: { input: 20, output: 30 } }]);
    const { body } = await rig.run({ topic: "rain" });
    expect(body.outputs).toEqual({ topic: "rain", count: 1, draft: "a draft", final: "a poem" });
    expect(JSON.stringify(model.requests[0]?.body)).toContain("Write about rain");
    expect(JSON.stringify(model.requests[1]?.body)).toContain("Polish a draft");
    expect((await rig.get("/metrics")).body).toContain('stigmer_model_tokens_total{direction="output"} 35');
  });

  test("that takes longer than the synchronous timeout is executed exactly once", async () => {
    await deploy([{ silentAfter: "begin" }], { SYNC_TIMEOUT: "0.3" });
    const { status, body } = await rig.run({ topic: "x" });
    expect(status).toBe(202);
    expect(model.requests).toHaveLength(1);
    expect((await rig.get("/jobs")).body.jobs.map(({ job_id }: { job_id: string }) => job_id)).toEqual([body.job_id]);
  });

  test("is not ended by a client that goes away", async () => {
    await deploy([{ silentAfter: "begin" }]);
    const gone = new AbortController();
    const request = fetch(`${rig.url}/run`, { method: "POST", body: '{"topic":"x"}', signal: gone.signal });
    await model.until("the model call", () => model.requests.length === 1);
    gone.abort();
    await expect(request).rejects.toThrow();
    const [job] = (await rig.get("/jobs")).body.jobs;
    expect(job.status).toBe("running");
    expect(model.hangUps).toBe(0);
  });

  test("ends with its model call when it is cancelled", async () => {
    await deploy([{ silentAfter: "begin" }]);
    const id = await rig.enqueue({ topic: "x" });
    await model.until("the model call", () => model.requests.length === 1);
    await rig.delete(`/jobs/${id}`);
    await model.until("the end of the call", () => model.hangUps === 1);
    await rig.jobWhen(id, "cancelled");
    expect(model.requests).toHaveLength(1);
  });

  test("streams words as they come, and can be followed from the middle", async () => {
    await deploy([{ silentAfter: "once upon" }]);
    const id = await rig.enqueue({ topic: "x" });
    const response = await fetch(`${rig.url}/events/${id}`);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("once upon")) {
      const { value, done } = (await reader?.read()) ?? { value: "", done: true };
      if (done) throw new Error(`the stream ended after: ${text}`);
      text += value;
    }
    expect(text).toContain("event: message.delta");
    await reader?.cancel();
  });
});

describe("a failing node", () => {
  test("makes a failed job, of which the client sees a code, the node and the id, and the log the rest", async () => {
    await deploy([{ status: 400, error: "the model's very words" }]);
    const { status, body } = await rig.run({ topic: "x" });
    expect(status).toBe(500);
    expect(body.error).toMatchObject({ code: "EXECUTION_FAILED", job_id: expect.any(String) });
    expect(body.error.message).toContain("write");
    const job = (await rig.get(`/status/${body.error.job_id}`)).body;
    expect(job).toMatchObject({ status: "failed", outputs: null, error: { code: "EXECUTION_FAILED" } });
    const events = await rig.events(body.error.job_id);
    expect(events.at(-1)?.data).toMatchObject({ type: "execution.failed", data: { node: "write" } });
    for (const told of [body, job, events]) expect(JSON.stringify(told)).not.toContain("very words");
    expect(rig.output).toContain("very words");
    expect(rig.output).toContain(body.error.job_id);
    expect(model.requests).toHaveLength(1);
  });

  test("is tried again without telling clients what went wrong", async () => {
    await deploy([{ status: 500, error: "the model's very words", headers: { "retry-after": "0" } }, { text: "good" }]);
    const { status, body } = await rig.run({ topic: "x" });
    expect(status).toBe(200);
    const events = await rig.events(body.job_id);
    expect(events.find(({ data }) => data.type === "step.retried")?.data.data).toMatchObject({ node: "write" });
    expect(JSON.stringify(events)).not.toContain("very words");
    expect(rig.output).toContain("very words");
  });

  test("that cannot reach its model says so by its code", async () => {
    await deploy([{ text: "" }]);
    await model.stop();
    const { status, body } = await rig.run({ topic: "x" });
    expect([status, body.error.code]).toEqual([500, "LLM_UNAVAILABLE"]);
  });
});

describe("a server killed in the middle of a job", () => {
  test("goes on from the last finished node, which is not asked again", async () => {
    await deploy([{ text: "a draft" }, { silentAfter: "begin" }, { text: "a poem" }]);
    const id = await rig.enqueue({ topic: "rain" });
    await model.until("the second node's call", () => model.requests.length === 2);
    await rig.crash();
    await rig.start();
    expect((await rig.jobWhen(id, "completed")).outputs).toMatchObject({ draft: "a draft", final: "a poem" });
    const asked = model.requests.map(({ body }) => (JSON.stringify(body).includes("Write about") ? "write" : "polish"));
    expect(asked).toEqual(["write", "polish", "polish"]);
  });

  test("goes on from the last finished step: a tool that ran is not run again", async () => {
    const command = "echo ran >> tool-runs";
    model = await FakeModel.start([
      { toolCalls: [{ name: "shell", arguments: { command } }] },
      { silentAfter: "begin" },
      { text: "done" },
    ]);
    rig = await DeploymentRig.create({ workflow: toolWorkflow(model.url) });
    await rig.start();
    const id = await rig.enqueue({});
    await model.until("the call after the tool", () => model.requests.length === 2);
    await rig.crash();
    await rig.start();
    expect((await rig.jobWhen(id, "completed")).outputs).toMatchObject({ final: "done" });
    expect(await readFile(join(rig.directory, "data/workspace/tool-runs"), "utf8")).toBe("ran\n");
    const [, , last] = model.requests;
    expect(JSON.stringify(last?.body)).toContain("tool-runs");
  });
});

describe("where keys and addresses come from", () => {
  const keyed = (url: string) => servedWorkflow(url).replace("model: fake,", "model: fake, api_key_env: MODEL_KEY,");

  test("a key in the key file reaches the service, and nothing that is written", async () => {
    model = await FakeModel.start([{ text: "ok" }]);
    rig = await DeploymentRig.create({ workflow: keyed(model.url) });
    const file = join(rig.directory, "keys.env");
    await writeFile(file, "MODEL_KEY=sk-very-secret\n", { mode: 0o400 });
    await rig.start({ SECRETS_FILE: file });
    const { status, body } = await rig.run({ topic: "x" });
    expect(status).toBe(200);
    expect(model.requests[0]?.headers.authorization).toBe("Bearer sk-very-secret");
    expect(rig.output).not.toContain("sk-very-secret");
    expect(JSON.stringify(await rig.events(body.job_id))).not.toContain("sk-very-secret");
  });

  test("without a key that the workflow needs the server is alive, not ready, and names the variable", async () => {
    model = await FakeModel.start([{ text: "ok" }]);
    rig = await DeploymentRig.create({ workflow: keyed(model.url) });
    await rig.start();
    const { status, body } = await rig.get("/health/ready");
    expect([status, body.status]).toEqual([503, "unavailable"]);
    expect(body.checks.provider).toContain("MODEL_KEY");
    expect(rig.output).toContain("MODEL_KEY is not set");
    expect((await rig.run({ topic: "x" })).body.error.code).toBe("LLM_UNAVAILABLE");
    expect(model.requests).toHaveLength(0);
  });

  test("LLM_BASE_URL overrides where the workflow's model is", async () => {
    model = await FakeModel.start([{ text: "from elsewhere" }]);
    rig = await DeploymentRig.create({ workflow: servedWorkflow("http://127.0.0.1:9/v1") });
    await rig.start({ LLM_BASE_URL: model.url });
    expect((await rig.run({ topic: "x" })).body.outputs.final).toBe("from elsewhere");
  });

  test("nodes without a model get the one that the generator noted", async () => {
    model = await FakeModel.start([{ text: "ok" }]);
    const workflow = servedWorkflow(model.url).replace(/ {2}llm: .*\n/, "");
    const llm = { provider: "openai-compatible", model: "noted", baseUrl: model.url, apiKeyEnv: null };
    rig = await DeploymentRig.create({ workflow, manifest: { name: "x", stigmer: { syncTimeoutSeconds: 9, llm } } });
    await rig.start();
    expect((await rig.run({ topic: "x" })).status).toBe(200);
    expect(model.requests[0]?.body.model).toBe("noted");
  });
});

describe("an agent node", () => {
  const AGENT = `
apiVersion: stigmer/v1
kind: Agent
metadata: { name: helper }
spec:
  instructions: You help.
  model: { provider: openai-compatible, name: fake, base_url: "URL" }
`;
  const agentWorkflow = (url: string) =>
    servedWorkflow(url).replace(/- \{ id: write.*\n/, "- { id: write, agent: helper, outputs: [draft] }\n");

  test("runs the agent that lies beside the server, on its inputs", async () => {
    model = await FakeModel.start([{ text: "helped" }, { text: "polished" }]);
    const [loaded] = loadDocuments(AGENT.replace("URL", model.url), "agent.yaml").documents;
    rig = await DeploymentRig.create({
      workflow: agentWorkflow(model.url),
      agents: { helper: loaded?.definition },
    });
    await rig.start();
    expect((await rig.run({ topic: "rain" })).body.outputs).toMatchObject({ draft: "helped", final: "polished" });
    expect(JSON.stringify(model.requests[0]?.body)).toContain("You help.");
    expect(JSON.stringify(model.requests[0]?.body)).toContain("rain");
  });

  test("without its agent ends the start with 1 and names it", async () => {
    rig = await DeploymentRig.create({ workflow: agentWorkflow("http://127.0.0.1:9/v1") });
    expect(await rig.spawn()).toBe(1);
    expect(rig.output).toMatch(/agent helper.*agents\.json/);
  });
});
