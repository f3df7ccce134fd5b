import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { curlExample } from "../../../agent-runner/src/serve/openapi/curl-example.ts";

test("the example command is taken by a shell word by word, apostrophes and all", () => {
  const inputs = { type: "object", required: ["a"], properties: { a: { type: "string", default: "it's $(id) `x`" } } };
  const curl = curlExample(inputs, { host: "example.com:81", needsToken: false });
  const command = curl.replace(/^curl/, "printf '%s\\n'");
  const words = execFileSync("sh", ["-c", command], { encoding: "utf8" }).trimEnd().split("\n");
  expect(words).toContain("http://example.com:81/run");
  expect(JSON.parse(words.at(-1) ?? "")).toEqual({ a: "it's $(id) `x`" });
});

test("the example command does not repeat a Host header that is none, and names the token where one is needed", () => {
  const command = curlExample({ type: "object" }, { host: "evil'; rm -rf /", needsToken: true });
  expect(command).toContain("http://localhost:8000/run");
  expect(command).toContain("Bearer $API_TOKEN");
});
