import { expect, test } from "vitest";
import { parseSecrets } from "../../../src/config/secrets.ts";

test("KEY=value lines are read with comments, export and quotes", () => {
  const text = [
    "# a comment",
    "",
    "PLAIN=abc # trailing",
    "export EXPORTED=x=y",
    "  SPACED = padded  ",
    `SINGLE='a "b" \\n # c'`,
    'DOUBLE="a \\"b\\"\\nc"  # end',
    "EMPTY=",
    "HASH=ab#cd",
  ].join("\r\n");
  expect(parseSecrets(text, "secrets.env")).toEqual({
    PLAIN: "abc",
    EXPORTED: "x=y",
    SPACED: "padded",
    SINGLE: 'a "b" \\n # c',
    DOUBLE: 'a "b"\nc',
    EMPTY: "",
    HASH: "ab#cd",
  });
});

test("malformed lines are named by number, never by content", () => {
  const read = () => parseSecrets('GOOD=1\nsk-ant-verysecret\n1BAD=x\nOPEN="never closed', "/h/secrets.env");
  expect(read).toThrow("/h/secrets.env: lines 2, 3, 4: not of the form KEY=value");
  expect(read).not.toThrow(/verysecret/);
});
