import { describe, expect, test } from "vitest";
import { parseConfigText } from "../../../src/config/document.ts";

const FILE = "/h/config.yaml";

function mistakesIn(text: string): string[] {
  return parseConfigText(text, FILE).mistakes;
}

describe("config.yaml", () => {
  test("is read key by key with its lines", () => {
    const { entries, mistakes } = parseConfigText(
      "server:\n  port: 8080\n\nengine: embedded\nllm: { model: x }\n",
      FILE,
    );
    expect(mistakes).toEqual([]);
    expect(entries).toEqual([
      { key: "server.port", raw: 8080, line: 2 },
      { key: "engine", raw: "embedded", line: 4 },
      { key: "llm.model", raw: "x", line: 5 },
    ]);
  });

  test.each(["", "\n", "# only a comment\n", "server:\n", "---\n"])("may say nothing: %j", (text) =>
    expect(parseConfigText(text, FILE)).toMatchObject({ entries: [], mistakes: [] }),
  );

  test("that is truncated names file and line", () => {
    expect(mistakesIn("server:\n  host: 127.0.0.1\n  port: [72")).toEqual([
      expect.stringMatching(/^\/h\/config\.yaml:3: the YAML is damaged: /),
    ]);
    expect(mistakesIn("server:\n  po")).toEqual(['/h/config.yaml:1: server must be a section of keys, not "po"']);
    expect(mistakesIn("ser")).toEqual(["/h/config.yaml:1: the file must hold sections such as server and llm"]);
  });

  test("with an unknown key names file, line and the nearest key", () => {
    expect(mistakesIn("llm:\n  modle: x\nsevrer: {}\n")).toEqual([
      '/h/config.yaml:2: unknown key "modle" in llm (did you mean model?)',
      '/h/config.yaml:3: unknown key "sevrer" (did you mean server?)',
    ]);
  });

  test("with a known key in the wrong place says where it belongs", () => {
    expect(mistakesIn("memory: 1g\n")).toEqual([
      '/h/config.yaml:1: unknown key "memory" (it belongs to agent_runner.memory)',
    ]);
  });

  test("with a key twice is damaged", () => {
    expect(mistakesIn("llm:\n  model: a\n  model: b\n")).toEqual([
      expect.stringMatching(/^\/h\/config\.yaml:3: .*unique/),
    ]);
  });

  test("with an alias to nowhere is a mistake, not a crash", () => {
    expect(mistakesIn("llm:\n  model: *nowhere\n")).toEqual([expect.stringMatching(/^\/h\/config\.yaml:2: /)]);
  });

  test.each([
    ["brackets", "[".repeat(200_000)],
    ["brackets on lines of their own", "[\n".repeat(5_000)],
    ["dashes", "- ".repeat(100_000)],
    ["indentation", Array.from({ length: 1_400 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n")],
  ])("nested without end by %s is refused before a parser recurses into it", (_, text) =>
    expect(mistakesIn(text)).toEqual([expect.stringMatching(/^\/h\/config\.yaml:\d+: the YAML is nested too deeply$/)]),
  );
});
