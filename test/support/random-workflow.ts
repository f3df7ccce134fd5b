/** Valid workflows as somebody might write them, the same for the same seed. */

type Random = () => number;
export type WrittenWorkflow = Record<string, unknown>;

const BASIC_TYPES = ["str", "int", "float", "bool"];
const PROVIDERS = ["ollama", "anthropic", "openai", "google", "openai-compatible"];
const WORDS = ["topic", "draft", "score", "notes", "reply", "items", "title", "limit", "source", "verdict"];

/** @param text makes names, descriptions and defaults; the hostile tests bring their own. */
export function randomWorkflow(random: Random, text: (random: Random) => string = plainText): WrittenWorkflow {
  const inputs = fieldNames(random, 1 + pick(random, 4));
  const nodeCount = 1 + pick(random, 5);
  const outputs = Array.from({ length: nodeCount }, (_, index) => `made_${index}`);
  return {
    schema_version: "1.0",
    flow: {
      name: text(random).slice(0, 200) || "unnamed",
      ...maybe(random, { description: text(random) }),
      ...maybe(random, { version: `${pick(random, 9)}.${pick(random, 9)}.${pick(random, 9)}` }),
    },
    state: {
      fields: Object.fromEntries([
        ...inputs.map((name) => [name, randomField(random, text)]),
        ...outputs.map((name) => [name, { type: "str", ...maybe(random, { description: text(random) }) }]),
      ]),
    },
    nodes: outputs.map((output, index) => randomNode(random, { index, output, inputs, text })),
    edges: randomEdges(random, nodeCount),
    ...maybe(random, { config: { llm: randomModel(random) } }),
  };
}

function plainText(random: Random): string {
  return Array.from({ length: 1 + pick(random, 4) }, () => one(random, WORDS)).join(" ");
}

export function pick(random: Random, below: number): number {
  return Math.floor(random() * below);
}

function one<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[pick(random, items.length)];
  if (item === undefined) throw new Error("there is nothing to choose from");
  return item;
}

function maybe(random: Random, members: object): object {
  return random() < 0.5 ? members : {};
}

function fieldNames(random: Random, count: number): string[] {
  return [...new Set(Array.from({ length: count }, () => `${one(random, WORDS)}_${pick(random, 100)}`))];
}

function randomField(random: Random, text: (random: Random) => string): object {
  const type = randomType(random, 2);
  const described = { type, ...maybe(random, { description: text(random) }) };
  if (type === "str" && random() < 0.5) return { ...described, default: text(random) };
  return { ...described, ...maybe(random, { required: true }) };
}

function randomType(random: Random, depth: number): string {
  if (depth === 0 || random() < 0.6) return one(random, BASIC_TYPES);
  const inner = randomType(random, depth - 1);
  return one(random, [`list[${inner}]`, `dict[str, ${inner}]`, "list", "dict"]);
}

interface NodeParts {
  index: number;
  output: string;
  inputs: string[];
  text: (random: Random) => string;
}

function randomNode(random: Random, { index, inputs, output, text }: NodeParts): object {
  const prompt = `${text(random).replace(/[{}]/g, "$&$&")} {state.${one(random, inputs)}}`;
  return {
    id: `node_${index}`,
    ...maybe(random, { name: text(random) || "a node" }),
    ...maybe(random, { description: text(random) }),
    prompt,
    outputs: [output],
    ...maybe(random, { output_schema: { type: "str" } }),
    ...maybe(random, { tools: [one(random, ["web_search", "file_read", "shell"])] }),
    ...maybe(random, { llm: randomModel(random) }),
  };
}

function randomModel(random: Random): object {
  const provider = one(random, PROVIDERS);
  const address = provider === "openai-compatible" ? { base_url: "http://127.0.0.1:9999/v1" } : {};
  return { provider, model: "some-model", ...address, ...maybe(random, { temperature: 0.5 }) };
}

/** A chain, or a fork of all nodes but the last, which joins them. */
function randomEdges(random: Random, nodeCount: number): object[] {
  const ids = Array.from({ length: nodeCount }, (_, index) => `node_${index}`);
  const last = ids[nodeCount - 1] ?? "";
  if (nodeCount < 3 || random() < 0.5) {
    return ["START", ...ids].map((from, index) => ({ from, to: ids[index] ?? "END" }));
  }
  const branches = ids.slice(0, -1);
  return [{ from: "START", to: branches }, ...branches.map((from) => ({ from, to: last })), { from: last, to: "END" }];
}
