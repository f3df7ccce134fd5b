import { expect, test } from "vitest";
import { createMask } from "../../../src/cli/commands/doctor/mask.ts";

const SECRETS = `
PLAIN=plain-secret-1
export QUOTED="quo\\"ted secret"  # comment
# OLD=commented-secret
not a line but-maybe-a-key
SHORT=zq
URL=p@ss/word&1
LONG="first line of it\\nsecond line of it"
`;

const mask = createMask({
  secretsText: SECRETS,
  env: { OPENAI_API_KEY: "from-the-environment", HOTKEY: "1", PATH: "/usr/bin" },
  others: ["the-run-token", ""],
});

test.each([
  ["plain", "key plain-secret-1!", "key ***!"],
  ["in a URL", `x=${encodeURIComponent("p@ss/word&1")}`, "x=***"],
  ["in JSON", JSON.stringify({ k: 'quo"ted secret' }), '{"k":"***"}'],
  ["in base64", Buffer.from("plain-secret-1").toString("base64"), "***="],
  ["in a comment", "commented-secret", "***"],
  ["on a malformed line", "not a line but-maybe-a-key", "***"],
  ["short", "a zq b", "a *** b"],
  ["one line of a longer one", "> second line of it", "> ***"],
  ["of a variable", "from-the-environment", "***"],
  ["a token", "Bearer the-run-token", "Bearer ***"],
])("a secret %s is masked", (_, text, masked) => expect(mask(text)).toBe(masked));

test("what is no secret stays", () => {
  expect(mask("1 /usr/bin hello")).toBe("1 /usr/bin hello");
});
