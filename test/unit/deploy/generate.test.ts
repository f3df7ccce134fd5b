import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { parseSecrets } from "../../../src/config/secrets.ts";
import { parseDockerfile } from "../../../src/deploy/check/dockerfile.ts";
import { type GenerationInput, generateFiles } from "../../../src/deploy/generate.ts";
import { parseManifest, sha256 } from "../../../src/deploy/manifest.ts";
import { readWorkflow } from "../../../src/deploy/read-workflow.ts";
import { AppError } from "../../../src/errors.ts";
import { deployableWorkflow, generationInput } from "../../support/deployable-workflow.ts";

const EIGHT = [
  ".dockerignore",
  ".env.example",
  "Dockerfile",
  "README.md",
  "docker-compose.yml",
  "package.json",
  "server.js",
  "workflow.yaml",
];

describe("the files of a deployment", () => {
  test("are eight and a manifest of their SHA-256", () => {
    const { files } = generateFiles(generationInput());
    expect([...files.keys()]).toEqual([...EIGHT, "manifest.json"]);
    const manifest = parseManifest(textOf(files, "manifest.json"));
    expect(Object.keys(manifest?.files ?? {})).toEqual(EIGHT);
    for (const [path, digest] of Object.entries(manifest?.files ?? {})) {
      expect(sha256(files.get(path) ?? Buffer.from("missing"))).toBe(digest);
    }
  });

  test("hold the workflow byte for byte, and the same server whatever the workflow", () => {
    const source = Buffer.from("# a comment\r\nfrom: 'START'   \n\t\n\u00e9");
    const server = Buffer.from("the server");
    const one = generateFiles(generationInput({ source, server })).files;
    expect(one.get("workflow.yaml")).toEqual(source);
    expect(one.get("server.js")).toEqual(server);
    const other = generateFiles(
      generationInput({
        server,
        workflow: deployableWorkflow({ flow: { name: "other", description: null, version: null } }),
      }),
    ).files;
    expect(other.get("server.js")).toEqual(server);
  });

  test("are the same bytes for the same input, with LF and no clock", () => {
    const [one, other] = [generateFiles(generationInput()).files, generateFiles(generationInput()).files];
    expect([...one]).toEqual([...other]);
    for (const [path, content] of one) expect(Buffer.from(content).toString(), path).not.toMatch(/\r|20\d\d-\d\d/);
  });

  test("carry stigmer's version and the flow's, which is 1.0.0 when absent", () => {
    const manifest = (version: string | null) => {
      const workflow = deployableWorkflow({ flow: { name: "x", description: null, version } });
      return parseManifest(textOf(generateFiles(generationInput({ workflow })).files, "manifest.json"));
    };
    expect(manifest(null)).toMatchObject({ generator: "stigmer", version: "0.1.0", flow: { version: "1.0.0" } });
    expect(manifest("3.2.1")).toMatchObject({ flow: { version: "3.2.1" } });
  });

  test("have agents as data, and only where there are any", () => {
    const spec = { model: modelWish("anthropic"), tools: ["web_search"], env: [{ name: "GH", required: true }] };
    const { files } = generateFiles(generationInput({ agents: { helper: { spec } } }));
    expect(JSON.parse(textOf(files, "agents.json"))).toEqual({ helper: { spec } });
    expect(textOf(files, "Dockerfile")).toContain("workflow.yaml agents.json app/");
    expect(textOf(files, ".dockerignore")).toContain("\n!agents.json\n");
    expect(keysOf(files)).toEqual(["ANTHROPIC_API_KEY", "GH", "SERPER_API_KEY"]);
    expect(generateFiles(generationInput()).files.has("agents.json")).toBe(false);
  });
});

describe("the Dockerfile", () => {
  const text = textOf(generateFiles(generationInput({ name: "shop", syncTimeoutMs: 1500 })).files, "Dockerfile");
  const instructions = parseDockerfile(text);
  const all = (keyword: string) => instructions.filter((one) => one.keyword === keyword).map(({ rest }) => rest);

  test("has its base from an argument, in both stages, each with the deployment's label", () => {
    expect(all("ARG")).toEqual(["BASE_IMAGE=node:24-bookworm-slim"]);
    expect(all("FROM")).toEqual([`\${BASE_IMAGE} AS files`, `\${BASE_IMAGE}`]);
    expect(all("LABEL")).toHaveLength(2);
    for (const labels of all("LABEL")) expect(labels).toContain('ai.stigmer.deployment="shop"');
  });

  test("ends as a user without rights, with a command in exec form, a health check and port 8000", () => {
    expect(all("USER").at(-1)).toBe("10001:10001");
    expect(all("EXPOSE")).toEqual(["8000"]);
    expect(all("CMD")).toEqual(['["node", "server.js"]']);
    expect(all("HEALTHCHECK")[0]).toMatch(/^--interval=30s .* CMD \["node",/);
    expect(all("ENV")[0]).toMatch(/ PORT=8000 .* SYNC_TIMEOUT=1.5$/);
  });

  test("has a package.json without a dependency, which pins engine and entry", () => {
    const { files } = generateFiles(generationInput({ name: "shop" }));
    const manifest = JSON.parse(textOf(files, "package.json"));
    expect(manifest).toMatchObject({ name: "shop", private: true, main: "server.js", engines: { node: ">=22.13" } });
    expect(Object.keys(manifest).filter((key) => /dependencies|install/i.test(key))).toEqual([]);
  });

  test("installs nothing and needs no builder but the classic one", () => {
    expect(text).not.toMatch(/npm|apt|curl|--mount|<<|^# syntax/m);
    expect(all("COPY").join("\n")).not.toContain("--chmod");
  });
});

describe("the compose file", () => {
  test("has one service without privileges, bound to loopback, with limits, an init, and a volume for the jobs", () => {
    const document = composeOf({ name: "shop", apiPort: 9123 });
    expect(Object.keys(document)).toEqual(["services", "networks", "volumes"]);
    expect(Object.keys(document.services)).toEqual(["api-shop"]);
    expect(document.services["api-shop"]).toMatchObject({
      container_name: "shop",
      ports: ["127.0.0.1:9123:8000"],
      volumes: ["jobs:/data"],
      init: true,
      restart: "unless-stopped",
      mem_limit: "512m",
      cpus: 1,
      pids_limit: 256,
      cap_drop: ["ALL"],
      security_opt: ["no-new-privileges:true"],
      labels: { "ai.stigmer.managed": "true", "ai.stigmer.deployment": "shop" },
    });
    expect(document.services["api-shop"]).not.toHaveProperty("privileged");
    expect(document.services["api-shop"]).not.toHaveProperty("env_file");
    expect(document.volumes["jobs"]).toMatchObject({ name: "shop-jobs" });
    expect(document.networks["default"]).toMatchObject({ name: "shop-network" });
  });

  test("takes each key from .env, and an absent one for unset", () => {
    const llm = { provider: "anthropic", model: "m", baseUrl: null, apiKeyEnv: null };
    const environment = Object.values(composeOf({ llm }).services)[0]?.environment;
    expect(environment).toMatchObject({
      ANTHROPIC_API_KEY: `\${ANTHROPIC_API_KEY:-}`,
      SYNC_TIMEOUT: `\${SYNC_TIMEOUT:-30}`,
    });
    expect(environment).not.toHaveProperty("PORT");
  });

  test("quotes what YAML 1.1 would take for something else than a text", () => {
    for (const name of ["on", "no", "null", "12", "1e3", "0x10", "12.30"]) {
      const text = textOf(generateFiles(generationInput({ name })).files, "docker-compose.yml");
      expect(parse(text, { version: "1.1" }).services[`api-${name}`].container_name).toBe(name);
    }
  });
});

describe(".env.example", () => {
  test.each([
    ["ollama", []],
    ["openai-compatible", []],
    ["anthropic", ["ANTHROPIC_API_KEY"]],
    ["google", ["GOOGLE_API_KEY"]],
  ])("of a workflow on %s has the keys %j", (provider, keys) => {
    const workflow = deployableWorkflow();
    workflow.config.llm = { ...modelWish(provider), temperature: null, max_tokens: null, script: null, delay_ms: 0 };
    expect(keysOf(generateFiles(generationInput({ workflow })).files)).toEqual(keys);
  });

  test("names the variable that the workflow chose, and a tool's", () => {
    const workflow = deployableWorkflow();
    const llm = { ...modelWish("openai"), temperature: null, max_tokens: null, script: null, delay_ms: 0 };
    workflow.config.llm = { ...llm, api_key_env: "MY_KEY" };
    workflow.nodes[0]?.tools.push({ name: "web_search", on_error: "fail" });
    expect(keysOf(generateFiles(generationInput({ workflow })).files)).toEqual(["MY_KEY", "SERPER_API_KEY"]);
  });

  test("does not take the flow's variable for the key of a node's other provider", () => {
    const workflow = deployableWorkflow();
    const rest = { temperature: null, max_tokens: null, script: null, delay_ms: 0 };
    workflow.config.llm = { ...modelWish("anthropic"), ...rest, api_key_env: "CLAUDE" };
    for (const node of workflow.nodes) node.llm = { ...modelWish("openai"), ...rest };
    expect(keysOf(generateFiles(generationInput({ workflow })).files)).toEqual(["OPENAI_API_KEY"]);
  });

  test("never has what the container sets itself", () => {
    const spec = {
      model: modelWish("ollama"),
      tools: [],
      env: ["PORT", "DATA_DIR", "SECRETS_FILE", "MINE"].map(toVariable),
    };
    const { files } = generateFiles(generationInput({ agents: { helper: { spec } } }));
    expect(keysOf(files)).toEqual(["MINE"]);
    expect(Object.values(composeOf({ agents: { helper: { spec } } }).services)[0]?.environment).not.toHaveProperty(
      "PORT",
    );
  });
});

describe("what cannot be is refused", () => {
  test.each([0, -1, 65_536, 1.5, Number.NaN])("the port %s", (apiPort) => {
    expect(() => generateFiles(generationInput({ apiPort }))).toThrow(AppError);
  });

  test.each([-1, 86_400_001, Number.NaN])("a sync timeout of %s ms", (syncTimeoutMs) => {
    expect(() => generateFiles(generationInput({ syncTimeoutMs }))).toThrow(/sync timeout/);
  });

  test("a file of two workflows, or of an agent", () => {
    const agent = "apiVersion: stigmer/v1\nkind: Agent\nmetadata: { name: x }\nspec: {}\n";
    expect(() => readWorkflow(Buffer.from(agent), "a.yaml")).toThrow(
      expect.objectContaining({ code: "DEFINITION_INVALID" }),
    );
    const invalid = Buffer.from([0x66, 0xff, 0xfe]);
    expect(() => readWorkflow(invalid, "a.yaml")).toThrow(expect.objectContaining({ code: "DEFINITION_INVALID" }));
  });
});

interface ComposeDocument {
  services: Record<string, { environment: Record<string, string> }>;
  networks: Record<string, object>;
  volumes: Record<string, object>;
}

function composeOf(changes: Partial<GenerationInput>): ComposeDocument {
  return parse(textOf(generateFiles(generationInput(changes)).files, "docker-compose.yml"));
}

function textOf(files: ReadonlyMap<string, Uint8Array>, path: string): string {
  return Buffer.from(files.get(path) ?? []).toString();
}

function keysOf(files: ReadonlyMap<string, Uint8Array>): string[] {
  return Object.keys(parseSecrets(textOf(files, ".env.example"), ".env.example"));
}

function modelWish(provider: string) {
  return { provider, name: null, base_url: null, api_key_env: null };
}

function toVariable(name: string) {
  return { name, required: true };
}
