import { PROVIDERS } from "@stigmer/agent-runner/model-choice";
import {
  address,
  duration,
  flag,
  folder,
  httpUrl,
  listOf,
  nullable,
  oneOf,
  port,
  type Rule,
  size,
  text,
  type Written,
  wholeNumber,
} from "./rule.ts";
import type { Settings } from "./settings.ts";

/** Every key of `config.yaml`, by the name users type, with the type of its value (product.md §9). */
export interface SettingValues {
  "server.host": string;
  "server.port": number;
  engine: Settings["engine"];
  "temporal.managed": boolean;
  "temporal.address": string;
  "temporal.namespace": string;
  "temporal.ui_port": number;
  "agent_runner.runtime": Settings["agentRunner"]["runtime"];
  "agent_runner.image": string;
  "agent_runner.registry_image": string | null;
  "agent_runner.pull": Settings["agentRunner"]["pull"];
  "agent_runner.container_name": string | null;
  "agent_runner.network": string;
  "agent_runner.workspace": string | null;
  "agent_runner.memory": number;
  "agent_runner.concurrency": number;
  "docker_runner.enabled": boolean;
  "docker_runner.port": number;
  "llm.provider": string;
  "llm.model": string;
  "llm.base_url": string | null;
  "llm.api_key_env": string | null;
  "execution.mode": Settings["execution"]["mode"];
  "execution.sandbox_image": string | null;
  "execution.sandbox_images": string[];
  "execution.timeout": number;
  "execution.retention": number | null;
  "logs.max_size": number;
  "logs.max_files": number;
}

export type SettingKey = keyof SettingValues;

export interface Setting<Value> {
  rule: Rule<Value>;
  /** As it would be written in the file. */
  fallback: Written;
  /** A value that the contract names and this version cannot do yet. */
  notYet?: (value: Value) => boolean;
}

/** An agent-runner at rest needs nearly 100 MB; below this the kernel would end it as it starts. */
const LEAST_MEMORY_BYTES = 64 * 1024 ** 2;

const image = (): Rule<string> => text("an image reference such as stigmer-agent-runner:local", /^[\w.:/@-]+$/);

export const SETTINGS: { readonly [Key in SettingKey]: Setting<SettingValues[Key]> } = {
  "server.host": { rule: address(), fallback: "127.0.0.1" },
  "server.port": { rule: port({ zeroPicks: true }), fallback: 7234 },
  engine: { rule: oneOf("embedded", "temporal"), fallback: "embedded", notYet: (engine) => engine === "temporal" },
  "temporal.managed": { rule: flag(), fallback: true },
  "temporal.address": { rule: text("host:port", /^[^\s/]+:\d{1,5}$/), fallback: "127.0.0.1:7233" },
  "temporal.namespace": { rule: text("a name without spaces", /^\S+$/), fallback: "default" },
  "temporal.ui_port": { rule: port(), fallback: 8233 },
  "agent_runner.runtime": { rule: oneOf("docker", "process"), fallback: "docker" },
  "agent_runner.image": { rule: image(), fallback: "stigmer-agent-runner:local" },
  "agent_runner.registry_image": { rule: nullable(image()), fallback: null },
  "agent_runner.pull": { rule: oneOf("never", "missing"), fallback: "never" },
  "agent_runner.container_name": {
    rule: nullable(text("letters, digits, dots, dashes and underscores", /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/)),
    fallback: null,
  },
  "agent_runner.network": {
    rule: text("host, bridge or the name of a network", /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/),
    fallback: "host",
  },
  "agent_runner.workspace": { rule: nullable(folder()), fallback: null },
  "agent_runner.memory": { rule: size("1g", LEAST_MEMORY_BYTES), fallback: "1g" },
  "agent_runner.concurrency": { rule: wholeNumber("a whole number", 1, 1000), fallback: 4 },
  "docker_runner.enabled": { rule: flag(), fallback: false },
  "docker_runner.port": { rule: port({ zeroPicks: true }), fallback: 7071 },
  "llm.provider": { rule: oneOf<string>(...PROVIDERS), fallback: "ollama" },
  "llm.model": { rule: text("the name of a model"), fallback: "qwen2.5-coder:7b" },
  "llm.base_url": { rule: nullable(httpUrl()), fallback: null },
  "llm.api_key_env": { rule: nullable(text("the name of a variable", /^[A-Za-z_]\w*$/)), fallback: null },
  "execution.mode": { rule: oneOf("local", "sandbox"), fallback: "local", notYet: (mode) => mode === "sandbox" },
  "execution.sandbox_image": { rule: nullable(image()), fallback: null },
  "execution.sandbox_images": { rule: listOf("a list of image references", /^[\w.:/@*-]+$/), fallback: [] },
  "execution.timeout": { rule: duration("10m"), fallback: "10m" },
  "execution.retention": { rule: nullable(duration("30d")), fallback: null },
  "logs.max_size": { rule: size("10MiB", 1024), fallback: "10MiB" },
  "logs.max_files": { rule: wholeNumber("a whole number", 1, 1000), fallback: 5 },
};

/** `agent_runner.memory` is also `STIGMER_AGENT_RUNNER_MEMORY`. */
export function variableOf(key: SettingKey): string {
  return `STIGMER_${key.replace(".", "_").toUpperCase()}`;
}

export function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(SETTINGS, key);
}

export function settingKeys(): SettingKey[] {
  return Object.keys(SETTINGS).filter(isSettingKey);
}

/** Names of the sections, and within each the names of its keys; `engine` stands alone. */
export function sections(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const key of settingKeys()) {
    const [section, name] = key.split(".");
    if (section === undefined || name === undefined) continue;
    found.set(section, [...(found.get(section) ?? []), name]);
  }
  return found;
}

/** From the flat keys of the file to the shape the code works with. */
export function toSettings(values: SettingValues): Settings {
  return {
    server: { host: values["server.host"], port: values["server.port"] },
    engine: values.engine,
    temporal: {
      managed: values["temporal.managed"],
      address: values["temporal.address"],
      namespace: values["temporal.namespace"],
      uiPort: values["temporal.ui_port"],
    },
    agentRunner: {
      runtime: values["agent_runner.runtime"],
      image: values["agent_runner.image"],
      registryImage: values["agent_runner.registry_image"],
      pull: values["agent_runner.pull"],
      containerName: values["agent_runner.container_name"],
      network: values["agent_runner.network"],
      workspace: values["agent_runner.workspace"],
      memoryBytes: values["agent_runner.memory"],
      concurrency: values["agent_runner.concurrency"],
    },
    dockerRunner: { enabled: values["docker_runner.enabled"], port: values["docker_runner.port"] },
    llm: {
      provider: values["llm.provider"],
      model: values["llm.model"],
      baseUrl: values["llm.base_url"],
      apiKeyEnv: values["llm.api_key_env"],
    },
    execution: {
      mode: values["execution.mode"],
      sandboxImage: values["execution.sandbox_image"],
      sandboxImages: values["execution.sandbox_images"],
      timeoutMs: values["execution.timeout"],
      retentionMs: values["execution.retention"],
    },
    logs: { maxSizeBytes: values["logs.max_size"], maxFiles: values["logs.max_files"] },
  };
}
