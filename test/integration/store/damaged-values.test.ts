import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { openStore } from "../../../src/store/open.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

/** A closed database with one agent, in whose file the note's bytes are replaced by as many others. */
async function damagedDatabase(path: string, note: string, damage: Buffer): Promise<void> {
  const store = await openStore(path);
  const definition = { name: "hello", note };
  store.definitions.apply({ kind: "Agent", name: "hello", definition, file: "a.yaml" }, "2026-01-01T00:00:00.000Z");
  await store.close();
  const bytes = readFileSync(path);
  const at = bytes.indexOf(note);
  expect([at > 0, damage.length]).toEqual([true, Buffer.byteLength(note)]);
  damage.copy(bytes, at);
  writeFileSync(path, bytes);
}

test("a text that is no UTF-8, which would end the whole process when it is read, is found before that", async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file("stigmer.db");
  await damagedDatabase(path, "a note to be found", Buffer.from([0xff, ...Buffer.from("note to be found!")]));
  const before = readFileSync(path);
  await expect(openStore(path)).rejects.toMatchObject({ code: "STATE_DAMAGED" });
  expect(readFileSync(path).equals(before)).toBe(true);
});

test("a character that is cut off at the end of a text is not completed by the text after it", async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file("stigmer.db");
  const start = await openStore(path);
  for (const name of ["one", "two"]) {
    const definition = { name, note: "x" };
    start.definitions.apply({ kind: "Agent", name, definition, file: `${name}.yaml` }, "2026-01-01T00:00:00.000Z");
  }
  await start.close();
  const bytes = readFileSync(path);
  for (let at = bytes.indexOf("one.yaml"); at !== -1; at = bytes.indexOf("one.yaml", at + 1)) bytes[at + 7] = 0xc3;
  writeFileSync(path, bytes);
  await expect(openStore(path)).rejects.toMatchObject({ code: "STATE_DAMAGED" });
});

test("a text that is no JSON any more is a damaged state, not a bug", async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file("stigmer.db");
  await damagedDatabase(path, "a note to be found", Buffer.from('a note"to be found'));
  const store = await openStore(path);
  try {
    expect(() => store.definitions.find("Agent", "hello")).toThrow(expect.objectContaining({ code: "STATE_DAMAGED" }));
  } finally {
    await store.close();
  }
});
