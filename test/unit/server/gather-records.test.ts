import { expect, test } from "vitest";
import { gatherRecords } from "../../../src/server/gather-records.ts";

test("what is there at once comes at once, in batches of bounded size and in its order", async () => {
  const batches = await all(gatherRecords(from(Array.from({ length: 150 }, (_, index) => index))));
  expect(batches.map(({ length }) => length)).toEqual([64, 64, 22]);
  expect(batches.flat()).toEqual(Array.from({ length: 150 }, (_, index) => index));
});

test("a record that comes alone is not held back until there are more", async () => {
  const more = createGate();
  async function* slow() {
    yield 1;
    await more.opened;
    yield 2;
  }
  const batches = gatherRecords(slow());
  expect(await batches.next()).toEqual({ done: false, value: [1] });
  more.open();
  expect(await batches.next()).toEqual({ done: false, value: [2] });
  expect(await batches.next()).toEqual({ done: true, value: undefined });
});

test("of a source without records there is no batch", async () => {
  expect(await all(gatherRecords(from([])))).toEqual([]);
});

test("a source that fails later fails the batches there, though nobody awaited it when it happened", async () => {
  const failure = createGate();
  async function* failing() {
    yield 1;
    await failure.opened;
    throw new Error("the disk is gone");
  }
  const batches = gatherRecords(failing());
  expect(await batches.next()).toEqual({ done: false, value: [1] });
  failure.open();
  await new Promise((resolve) => setImmediate(resolve));
  await expect(batches.next()).rejects.toThrow("the disk is gone");
});

test("a reader that leaves ends the source", async () => {
  let ended = false;
  async function* endless() {
    try {
      for (;;) yield 1;
    } finally {
      ended = true;
    }
  }
  const batches = gatherRecords(endless());
  await batches.next();
  await batches.return(undefined);
  expect(ended).toBe(true);
});

async function* from<Item>(items: Item[]): AsyncGenerator<Item> {
  yield* items;
}

async function all<Item>(batches: AsyncIterable<Item[]>): Promise<Item[][]> {
  const found: Item[][] = [];
  for await (const batch of batches) found.push(batch);
  return found;
}

function createGate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
