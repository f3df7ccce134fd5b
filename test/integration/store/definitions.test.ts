import { expect, test } from "vitest";
import { openStore } from "../../../src/store/open.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

test("a definition comes back with its keys in the order in which it was written, and is the same in any other", async () => {
  await using directory = await temporaryDirectory();
  const store = await openStore(directory.file("stigmer.db"));
  const apply = (definition: { [key: string]: string }) =>
    store.definitions.apply({ kind: "Workflow", name: "w", definition, file: "w.yaml" }, "2026-01-01T00:00:00.000Z");
  expect(apply({ reasons: "first", answer: "last" })).toBe("created");
  expect(apply({ answer: "last", reasons: "first" })).toBe("unchanged");
  expect(Object.keys(store.definitions.find("Workflow", "w")?.definition ?? {})).toEqual(["reasons", "answer"]);
  await store.close();
});
