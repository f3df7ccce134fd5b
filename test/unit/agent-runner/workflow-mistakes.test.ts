import { loadDocuments } from "@stigmer/agent-runner/definitions";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { seededRandom } from "../../support/seeded-random.ts";

/** Line by line, so that the beginning of an item and what is wrong in it stand apart. */
const BASE = `schema_version: "1.0"
flow:
  name: article
state:
  fields:
    topic:
      type: str
      required: true
    draft:
      type: str
    score:
      type: int
      default: 0
    approved:
      type: bool
    article:
      type: object
      schema:
        title: str
        words: int
nodes:
  - id: write
    inputs:
      subject: state.topic
    prompt: |
      Write about {subject}.
      The title is {state.article.title}.
    output_schema:
      type: object
      fields:
        - name: draft
          type: str
        - name: score
          type: int
    outputs: [draft, score]
    tools:
      - file_read
      - name: web_search
        on_error: continue
  - id: review
    prompt: Is it good? {draft}
    output_schema:
      type: bool
    outputs: [approved]
  - id: publish
    agent: publisher
edges:
  - from: START
    to: write
  - from: write
    routes:
      - condition:
          logic: state.score >= 7
        to: review
      - condition:
          logic: default
        to: publish
  - from: review
    loop:
      max_iterations: 5
      condition_field: approved
      exit_to: publish
  - from: publish
    to: END
config:
  llm:
    model: m
  execution:
    timeout: 60
`;

test("the workflow that the mistakes are made in is a good one", () => {
  expect(loadDocuments(BASE, "w.yaml")).toMatchObject({ documents: [{ name: "article" }], issues: [], warnings: [] });
});

type Case = [what: string, from: string, to: string, line: number, field: string, message: string, nearest?: string];

const WRITE = 22;
const REVIEW = 40;
const PUBLISH = 45;

const CASES: Case[] = [
  // What stands at the beginning.
  ["another version", 'schema_version: "1.0"', "schema_version: 1.0", 1, "schema_version", 'must be "1.0", not 1'],
  ["an empty name", "name: article", 'name: ""', 3, "flow.name", "must not be empty"],
  ["no name", "  name: article", "  version: '1'", 2, "flow.name", "is required"],
  ["a misspelt section", "config:\n", "confg:\n", 65, "confg", 'unknown key "confg"', "config"],
  ["a misspelt key", "timeout: 60", "timeoutt: 60", 69, "config.execution.timeoutt", "unknown key", "timeout"],
  ["a timeout of nothing", "timeout: 60", "timeout: 0", 69, "config.execution.timeout", "more than 0 seconds"],

  // The state.
  [
    "an unknown type",
    "draft:\n      type: str",
    "draft:\n      type: strng",
    9,
    "state.fields.draft.type",
    "unknown type",
    "str",
  ],
  [
    "the type of another language",
    "type: bool\n    article",
    "type: boolean\n    article",
    14,
    "state.fields.approved.type",
    "unknown type",
    "bool",
  ],
  [
    "an unknown type in a schema",
    "words: int",
    "words: number",
    16,
    "state.fields.article.schema.words",
    "unknown type",
    "float",
  ],
  [
    "a schema of no object",
    "type: object\n      schema",
    "type: str\n      schema",
    16,
    "state.fields.article.schema",
    "is for an object",
  ],
  [
    "required with a default",
    "required: true",
    "required: true\n      default: x",
    6,
    "state.fields.topic.default",
    "has no use",
  ],
  [
    "a default of another type",
    "default: 0",
    "default: zero",
    11,
    "state.fields.score.default",
    'must be a whole number, not "zero"',
  ],
  [
    "a name that nothing can spell",
    "    draft:\n",
    "    my-draft: { type: str }\n    draft:\n",
    9,
    "state.fields.my-draft",
    "must be a name of letters",
  ],
  [
    "a misspelt key of a field",
    "required: true",
    "requird: true",
    8,
    "state.fields.topic.requird",
    "unknown key",
    "required",
  ],

  [
    "a key that no map can keep",
    "    draft:\n",
    "    __proto__: { type: str }\n    draft:\n",
    9,
    "state.fields.__proto__",
    "cannot be a key",
  ],

  // Nodes.
  [
    "an id given twice",
    "edges:",
    "  - { id: write, agent: a }\nedges:",
    PUBLISH + 2,
    "nodes[3].id",
    'the node "write" a second time',
  ],
  ["a reserved id", "edges:", "  - { id: START, agent: a }\nedges:", PUBLISH + 2, "nodes[3].id", '"START" is reserved'],
  ["no task", "    agent: publisher\n", "", PUBLISH, "nodes[2].prompt", "neither prompt nor agent"],
  ["two tasks", "agent: publisher", "agent: publisher\n    prompt: Hi", PUBLISH, "nodes[2].agent", "has both"],
  ["a misspelt key of a node", "prompt: Is", "promt: Is", REVIEW + 1, "nodes[1].promt", "unknown key", "prompt"],
  [
    "an unknown placeholder",
    "{draft}",
    "{drafft}",
    REVIEW,
    "nodes[1].prompt",
    '{drafft} stands for nothing: the state has no field "drafft"',
    "draft",
  ],
  ["an unknown local", "{subject}", "{subjekt}", WRITE, "nodes[0].prompt", "nor have the inputs", "subject"],
  [
    "an unknown field below state",
    "{state.article.title}",
    "{state.artcle.title}",
    WRITE,
    "nodes[0].prompt",
    'no field "artcle"',
    "article",
  ],
  [
    "a local named as a field of the state",
    "{state.article.title}",
    "{state.subject}",
    WRITE,
    "nodes[0].prompt",
    'no field "subject"',
  ],
  [
    "an unknown deeper field",
    "article.title",
    "article.titel",
    WRITE,
    "nodes[0].prompt",
    'article has no field "titel"',
    "title",
  ],
  [
    "a way into a text",
    "{draft}",
    "{draft.title}",
    REVIEW,
    "nodes[1].prompt",
    "draft is of the type str, which has no fields",
  ],
  ["a single brace", "{draft}", "{1}", REVIEW, "nodes[1].prompt", "write {{ and }} for literal braces"],
  [
    "a local that no map can keep",
    "subject: state.topic",
    "subject: state.topic\n      __proto__: topic",
    25,
    "nodes[0].inputs.__proto__",
    "cannot be a key",
  ],
  [
    "an unknown reference",
    "subject: state.topic",
    "subject: state.topik",
    WRITE,
    "nodes[0].inputs.subject",
    'no field "topik"',
    "topic",
  ],
  [
    "a reference that is none",
    "subject: state.topic",
    "subject: '{topic}'",
    WRITE,
    "nodes[0].inputs.subject",
    "such as state.topic",
  ],
  [
    "a local called state",
    "subject: state.topic",
    "subject: state.topic\n      state: topic",
    WRITE,
    "nodes[0].inputs.state",
    "must have another name",
  ],
  [
    "an unknown output",
    "outputs: [approved]",
    "outputs: [aproved]",
    REVIEW,
    "nodes[1].outputs[0]",
    'no field "aproved"',
    "approved",
  ],
  [
    "an output that the schema lacks",
    "[draft, score]",
    "[draft, score, approved]",
    WRITE,
    "nodes[0].outputs[2]",
    'output_schema has no field "approved"',
  ],
  [
    "a schema field that is no output",
    "[draft, score]",
    "[draft]",
    WRITE,
    "nodes[0].output_schema.fields[1].name",
    '"score" is not among',
  ],
  [
    "another type than the state's",
    "score\n          type: int",
    "score\n          type: float",
    WRITE,
    "nodes[0].output_schema.fields[1].type",
    '"score" is float here, and is int there in the state',
    "int",
  ],
  [
    "a single type that does not fit",
    "type: bool\n    outputs",
    "type: str\n    outputs",
    REVIEW,
    "nodes[1].output_schema",
    '"approved" is str here, and is bool there',
    "bool",
  ],
  [
    "a single type for two outputs",
    "[approved]",
    "[approved, draft]",
    REVIEW,
    "nodes[1].outputs",
    "must name one field",
  ],
  [
    "an object without fields",
    "type: bool\n    outputs: [approved]",
    "type: object\n    outputs: []",
    REVIEW,
    "nodes[1].output_schema.fields",
    "is required",
  ],
  [
    "an unknown type of an output",
    "draft\n          type: str",
    "draft\n          type: txt",
    WRITE,
    "nodes[0].output_schema.fields[0].type",
    "unknown type",
    "str",
  ],
  ["an unknown tool", "- file_read", "- file_raed", WRITE, "nodes[0].tools[0]", 'not "file_raed"', "file_read"],
  [
    "an unknown named tool",
    "name: web_search",
    "name: web_serch",
    WRITE,
    "nodes[0].tools[1].name",
    'not "web_serch"',
    "web_search",
  ],
  [
    "a tool given twice, once by another name",
    "- file_read",
    "- serper_search",
    WRITE,
    "nodes[0].tools[1]",
    '"web_search" a second time',
  ],
  [
    "an unknown on_error",
    "on_error: continue",
    "on_error: contineu",
    WRITE,
    "nodes[0].tools[1].on_error",
    "must be one of fail, continue",
    "continue",
  ],
  [
    "a script without scripted",
    "agent: publisher",
    "prompt: x\n    output_schema: str\n    outputs: [draft]\n    llm: { script: [{ text: x }] }",
    PUBLISH,
    "nodes[2].llm.script",
    "needs the provider scripted",
  ],
  [
    "scripted without a script",
    "agent: publisher",
    "prompt: x\n    output_schema: str\n    outputs: [draft]\n    llm: { provider: scripted }",
    PUBLISH,
    "nodes[2].llm.script",
    "is required",
  ],
  [
    "a shared script without scripted",
    "    model: m\n",
    "    script: [{ text: x }]\n",
    67,
    "config.llm.script",
    "needs the provider scripted",
  ],
  [
    "two addresses",
    "    model: m\n",
    '    base_url: "http://a/v1"\n    api_base: "http://b/v1"\n',
    68,
    "config.llm.api_base",
    "another word for base_url",
  ],
  [
    "a temperature too high",
    "agent: publisher",
    "prompt: x\n    output_schema: str\n    outputs: [draft]\n    llm:\n      temperature: 3",
    PUBLISH,
    "nodes[2].llm.temperature",
    "between 0 and 2",
  ],
  [
    "a code node",
    "agent: publisher",
    "code: print(1)\n    sandbox: { preset: low }",
    PUBLISH,
    "nodes[2].code",
    'code and sandboxes are not part of this version yet: the node "publish" has code',
  ],
  [
    "a sandbox",
    "agent: publisher",
    "agent: publisher\n    sandbox: { image: x }",
    PUBLISH,
    "nodes[2].sandbox",
    'the node "publish" has sandbox',
  ],

  // Edges.
  ["an edge from nowhere", "from: review", "from: reviw", 58, "edges[2].from", 'there is no node "reviw"', "review"],
  ["an edge to nowhere", "to: write", "to: wirte", 48, "edges[0].to", 'there is no node "wirte"', "write"],
  ["a misspelt END", "to: END", "to: ENDE", 63, "edges[3].to", 'there is no node "ENDE"', "END"],
  ["an edge to START", "to: END", "to: START", 63, "edges[3].to", "no edge leads to it"],
  ["an edge from END", "to: END", "to: END\n  - { from: END, to: write }", 65, "edges[4].from", "no edge leaves it"],
  [
    "a second edge",
    "to: END",
    "to: END\n  - { from: review, to: END }",
    65,
    "edges[4].from",
    'a second edge from "review"',
  ],
  ["an edge that leads nowhere", "    to: END\n", "", 63, "edges[3].to", "an edge has one of to, routes and loop"],
  ["an edge of two kinds", "    loop:", "    to: publish\n    loop:", 58, "edges[2]", "this one has to and loop"],
  ["an edge of an unknown kind", "    loop:", "    lop:", 59, "edges[2].lop", "unknown key", "loop"],
  ["a fork with END", "to: END", "to: [END, publish]", 63, "edges[3].to[0]", "END cannot be a branch"],
  ["a branch twice", "to: write", "to: [write, write]", 48, "edges[0].to[1]", '"write" a second time'],
  [
    "no default route",
    "logic: default",
    "logic: state.score < 7",
    50,
    "edges[1].routes",
    "need one with the logic default",
  ],
  [
    "two default routes",
    "logic: state.score >= 7",
    "logic: default",
    55,
    "edges[1].routes[1].condition.logic",
    "default a second time",
  ],
  [
    "an unknown field in a route",
    "state.score >= 7",
    "state.scor >= 7",
    52,
    "edges[1].routes[0].condition.logic",
    'no field "scor"',
    "score",
  ],
  [
    "a route that is no condition",
    "state.score >= 7",
    "state.score => 7",
    52,
    "edges[1].routes[0].condition.logic",
    "write == instead of = (character 13)",
  ],
  ["a route to nowhere", "to: review", "to: reveiw", 52, "edges[1].routes[0].to", "there is no node", "review"],
  [
    "a loop to nowhere",
    "exit_to: publish",
    "exit_to: publsh",
    59,
    "edges[2].loop.exit_to",
    "there is no node",
    "publish",
  ],
  [
    "a loop into itself",
    "exit_to: publish",
    "exit_to: review",
    59,
    "edges[2].loop.exit_to",
    "must lead out of the loop",
  ],
  [
    "a loop on an unknown field",
    "condition_field: approved",
    "condition_field: aproved",
    59,
    "edges[2].loop.condition_field",
    "no field",
    "approved",
  ],
  [
    "a loop on a number",
    "condition_field: approved",
    "condition_field: score",
    59,
    "edges[2].loop.condition_field",
    'must be a bool, and "score" is int',
  ],
  [
    "a loop without a run",
    "max_iterations: 5",
    "max_iterations: 0",
    59,
    "edges[2].loop.max_iterations",
    "between 1 and 100",
  ],
  [
    "a loop without an end",
    "max_iterations: 5",
    "max_iterations: 101",
    59,
    "edges[2].loop.max_iterations",
    "between 1 and 100",
  ],
  ["half a run", "max_iterations: 5", "max_iterations: 2.5", 59, "edges[2].loop.max_iterations", "a whole number"],
];

describe("a mistake is told alone, with the line where its item begins", () => {
  test.each(CASES)("%s", (_, from, to, line, field, message, nearest) => {
    expect(BASE.split(from)).toHaveLength(2);
    const { documents, issues } = loadDocuments(BASE.replace(from, to), "w.yaml");
    expect(documents).toEqual([]);
    expect(issues).toMatchObject([
      { file: "w.yaml", line, field, message: expect.stringContaining(message), suggestion: nearest ?? null },
    ]);
  });
});

describe("an output fits a field of the state when each of its values is one of the field's", () => {
  const fits = (field: string, output: string): string[] => {
    const text = `schema_version: "1.0"
flow: { name: fits }
state: { fields: { x: ${field} } }
nodes: [{ id: a, prompt: x, output_schema: { type: object, fields: [{ name: x, ${output} }] }, outputs: [x] }]
edges: [{ from: START, to: a }, { from: a, to: END }]
`;
    return loadDocuments(text, "fits").issues.map(({ message }) => message);
  };

  test.each([
    ["{ type: list }", 'type: "list[str]"'],
    ["{ type: 'list[list]' }", 'type: "list[list[int]]"'],
    ["{ type: dict }", 'type: "dict[int, str]"'],
    ["{ type: 'dict[str, list]' }", 'type: "dict[str, list[int]]"'],
    ["{ type: object }", "type: object, schema: { a: int }"],
    ["{ type: object, schema: { a: int } }", "type: object, schema: { a: { type: int, description: of it } }"],
    ["{ type: object, schema: { a: { type: int, required: false } } }", "type: object, schema: { a: int }"],
  ])("%s takes %s", (field, output) => expect(fits(field, output)).toEqual([]));

  test.each([
    ["{ type: 'list[str]' }", "type: list", "is list[str] there"],
    ["{ type: 'list[str]' }", 'type: "list[int]"', "is list[str] there"],
    ["{ type: 'dict[str, int]' }", "type: dict", "is dict[str, int] there"],
    ["{ type: 'dict[str, int]' }", 'type: "dict[int, int]"', "is dict[str, int] there"],
    ["{ type: float }", "type: int", "is float there"],
    ["{ type: object, schema: { a: int } }", "type: object", "has other fields there"],
    ["{ type: object, schema: { a: int } }", "type: object, schema: { b: int }", "has other fields there"],
    ["{ type: object, schema: { a: int } }", "type: object, schema: { a: int, b: int }", "has other fields there"],
    ["{ type: object, schema: { a: int } }", "type: object, schema: { a: str }", "has other fields there"],
    [
      "{ type: object, schema: { a: int } }",
      "type: object, schema: { a: { type: int, required: false } }",
      "has other fields",
    ],
  ])("%s refuses %s", (field, output, message) =>
    expect(fits(field, output)).toEqual([expect.stringContaining(message)]),
  );
});

describe("the graph", () => {
  const edges = (text: string): [line: number, message: string][] => {
    const nodes = ["a", "b", "c"].map((id) => `  - { id: ${id}, agent: a }`).join("\n");
    const workflow = `schema_version: "1.0"\nflow: { name: g }\nstate: { fields: { done: { type: bool } } }\nnodes:\n${nodes}\nedges:\n${text}`;
    return loadDocuments(workflow, "g").issues.map(({ line, message }) => [line ?? 0, message]);
  };

  test.each<[string, string, [number, string][]]>([
    [
      "a node that nothing leads to",
      "- { from: START, to: a }\n- { from: a, to: b }\n- { from: b, to: END }\n- { from: c, to: b }",
      [[7, 'the node "c" cannot be reached from START']],
    ],
    [
      "a node beside everything",
      "- { from: START, to: [a, b] }\n- { from: a, to: END }\n- { from: b, to: END }",
      [[7, 'the node "c" cannot be reached from START']],
    ],
    [
      "a node that nothing leaves, and not those before it",
      "- { from: START, to: a }\n- { from: a, to: b }\n- { from: b, to: c }",
      [[7, 'the node "c" cannot reach END: no edge leaves it']],
    ],
    [
      "a circle without an exit",
      "- { from: START, to: [a, c] }\n- { from: a, to: b }\n- { from: b, to: a }\n- { from: c, to: END }",
      [
        [5, 'the node "a" cannot reach END'],
        [6, 'the node "b" cannot reach END'],
      ],
    ],
    [
      "a node that only follows itself",
      "- { from: START, to: [a, b, c] }\n- { from: a, to: a }\n- { from: b, to: END }\n- { from: c, to: END }",
      [[5, 'the node "a" cannot reach END']],
    ],
    [
      "no beginning",
      "- { from: a, to: b }\n- { from: b, to: c }\n- { from: c, to: END }",
      [[8, "need one from START: where does the workflow begin?"]],
    ],
    [
      "an exit by one route",
      "- { from: START, to: a }\n- { from: a, to: [b, c] }\n- { from: c, to: END }\n- from: b\n  routes: [{ condition: { logic: 'true' }, to: a }, { condition: { logic: default }, to: END }]",
      [],
    ],
    [
      "an exit by a loop",
      "- { from: START, to: [a, b, c] }\n- { from: b, to: END }\n- { from: c, to: END }\n- { from: a, loop: { condition_field: done, exit_to: END } }",
      [],
    ],
  ])("tells %s", (_, text, expected) => expect(edges(text)).toEqual(expected));
});

describe("many mistakes", () => {
  test("are all told at once, those of the schema beside those of the meaning", () => {
    const changes = CASES.filter(([what]) => TOGETHER.includes(what));
    expect(changes).toHaveLength(TOGETHER.length);
    const text = changes.reduce((changed, [, from, to]) => changed.replace(from, to), BASE);
    const { documents, issues } = loadDocuments(text, "w.yaml");
    expect(documents).toEqual([]);
    for (const [, , , , field, message, nearest] of changes) {
      expect(issues).toContainEqual(
        expect.objectContaining({ field, message: expect.stringContaining(message), suggestion: nearest ?? null }),
      );
    }
    expect(issues).toHaveLength(changes.length);
    const lines = issues.map(({ line }) => line ?? 0);
    expect(lines).toEqual([...lines].sort((left, right) => left - right));
  });

  test("of a misspelt key are one: what it stands for is not missing besides", () => {
    const text = BASE.replace("- id: review", "- di: review").replace("agent: publisher", "agnet: publisher");
    expect(loadDocuments(text, "w").issues.map(({ field, suggestion }) => [field, suggestion])).toEqual([
      ["nodes[1].di", "id"],
      ["nodes[2].agnet", "agent"],
    ]);
  });

  test("of a misspelt key in an entry that may be a text are told at the key, and once", () => {
    const text = BASE.replace("on_error: continue", "on_eror: continue").replace(
      "title: str",
      "title:\n          typ: str",
    );
    expect(loadDocuments(text, "w").issues).toMatchObject([
      { line: 20, field: "state.fields.article.schema.title.typ", suggestion: "type" },
      { line: 40, field: "nodes[0].tools[1].on_eror", suggestion: "on_error" },
    ]);
  });

  test("two workflows of one name are told in the second", () => {
    const { documents, issues } = loadDocuments(`${BASE}---\n${BASE}`, "w.yaml");
    expect(documents).toHaveLength(1);
    expect(issues).toMatchObject([
      { line: 73, field: "flow.name", message: 'a second workflow with the name "article"' },
    ]);
  });

  test("of any shape end in sentences, never in a crash or in silence", { timeout: 20_000 }, () => {
    const random = seededRandom(77);
    const base = parse(BASE);
    const junk = [null, 0, -1, "", "x", "state.x", true, [], {}, [[]], { a: 1 }, ["START"], { type: "object" }, "END"];
    for (let round = 0; round < 25; round += 1) {
      const data = structuredClone(base);
      for (let times = 0; times <= random() * 3; times += 1) spoil(data, random, junk);
      const text = JSON.stringify(data);
      const { documents, issues } = loadDocuments(text, "w.json");
      expect(documents.length + issues.length, text).toBeGreaterThan(0);
      for (const { line, message } of issues) expect([typeof line, message.length > 3], text).toEqual(["number", true]);
    }
  });
});

const TOGETHER = [
  "an empty name",
  "a misspelt key",
  "the type of another language",
  "required with a default",
  "a default of another type",
  "an unknown local",
  "an unknown reference",
  "an unknown deeper field",
  "an unknown output",
  "a schema field that is no output",
  "an unknown named tool",
  "two tasks",
  "an edge to nowhere",
  "a misspelt END",
  "no default route",
  "an unknown field in a route",
  "a route to nowhere",
  "a loop to nowhere",
  "a loop on a number",
  "a loop without an end",
];

/** Puts junk into the place of one value. */
function spoil(data: unknown, random: () => number, junk: unknown[]): void {
  let here = data;
  while (typeof here === "object" && here !== null) {
    const keys = Object.keys(here);
    const key = keys[Math.floor(random() * keys.length)];
    if (key === undefined) return;
    const child: unknown = Reflect.get(here, key);
    if (typeof child !== "object" || random() < 0.2) {
      Reflect.set(here, key, structuredClone(junk[Math.floor(random() * junk.length)]));
      return;
    }
    here = child;
  }
}
