import { expect, test } from "vitest";
import { mergeHistory, mergeLive } from "../../../src/logs/merge.ts";
import type { LineRef, LogSource, SourceItem } from "../../../src/logs/source.ts";
import type { ComponentName } from "../../../src/stack/component.ts";
import { shown } from "../../support/logs.ts";

test("histories are merged by time", async () => {
  const sources = [
    source(
      "stigmer-server",
      [
        ["a1", 1],
        ["a4", 4],
      ],
      [["a9", 9]],
    ),
    source(
      "workflow-runner",
      [["b2", 2]],
      [
        ["b3", 3],
        ["b8", 8],
      ],
    ),
    source("agent-runner"),
  ];
  expect(await collect(mergeHistory(sources, 0))).toEqual(["a1", "b2", "b3", "a4", "b8", "a9"]);
});

test("lines of one component stay in order although its clock was set back", async () => {
  const sources = [
    source("stigmer-server", [
      ["a100", 100],
      ["a5", 5],
      ["a101", 101],
    ]),
    source("workflow-runner", [
      ["b50", 50],
      ["b100", 100],
      ["b102", 102],
    ]),
  ];
  expect(await collect(mergeHistory(sources, 0))).toEqual(["b50", "a100", "a5", "b100", "a101", "b102"]);
});

test("the lines too many are dropped from the start of all of them together", async () => {
  const sources = [
    source("stigmer-server", [
      ["a1", 1],
      ["a4", 4],
    ]),
    source("workflow-runner", [
      ["b2", 2],
      ["b3", 3],
    ]),
  ];
  expect(await collect(mergeHistory(sources, 3))).toEqual(["a4"]);
});

test("a batch is used up before its source is asked for the next", async () => {
  // Like the readers: the same buffer every time.
  const buffer = Buffer.alloc(8);
  const reusing: LogSource = {
    ...source("stigmer-server"),
    async *history() {
      for (const text of ["first", "again", "third"]) {
        buffer.fill(0).write(text);
        yield [{ ...line("stigmer-server", text, 1), buffer, start: 0, end: 5 }];
      }
    },
  };
  const merged: string[] = [];
  for await (const items of mergeHistory([reusing, source("workflow-runner", [["b2", 2]])], 0)) {
    merged.push(...shown(items));
  }
  expect(merged).toEqual(["first", "again", "third", "b2"]);
});

test("live lines that come at the same moment are put in order by time, each component's own order untouched", async () => {
  const sources = [
    source("stigmer-server", [
      ["a5", 5],
      ["a3", 3],
    ]),
    source("workflow-runner", [
      ["b1", 1],
      ["b4", 4],
    ]),
  ];
  expect(await collect(mergeLive(sources))).toEqual(["b1", "b4", "a5", "a3"]);
});

test("what one source brings while another's lines are being used is not lost", async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const late: LogSource = {
    ...source("stigmer-server"),
    async *live() {
      await released;
      yield [line("stigmer-server", "late", 2)];
    },
  };
  const merged: string[] = [];
  for await (const items of mergeLive([late, source("workflow-runner", [["early", 1]])])) {
    merged.push(...shown(items));
    release();
    await new Promise(setImmediate); // The late one arrives before the next round.
  }
  expect(merged).toEqual(["early", "late"]);
});

test("a live source that fails ends the merge with its error", async () => {
  const failing: LogSource = {
    ...source("stigmer-server"),
    // biome-ignore lint/correctness/useYield: it fails before it has anything to give
    async *live() {
      throw new Error("no more");
    },
  };
  await expect(collect(mergeLive([failing, source("workflow-runner", [["b", 1]])]))).rejects.toThrow("no more");
});

function source(component: ComponentName, ...batches: [string, number][][]): LogSource {
  async function* items(): AsyncIterable<SourceItem[]> {
    for (const batch of batches) yield batch.map(([text, timeMs]) => line(component, text, timeMs));
  }
  return {
    component,
    seekTail: async () => 0,
    history: items,
    live: items,
    rawHistory: () => null,
    close: async () => {},
  };
}

function line(component: ComponentName, text: string, timeMs: number): LineRef {
  const buffer = Buffer.from(text);
  const end = buffer.length;
  return { type: "line", component, timeMs, stream: "stdout", level: null, isStart: false, buffer, start: 0, end };
}

async function collect(items: AsyncIterable<SourceItem[]>): Promise<string[]> {
  const texts: string[] = [];
  for await (const batch of items) texts.push(...shown(batch));
  return texts;
}
