import { formatLines } from "@stigmer/agent-runner/log-format";
import { expect, test } from "vitest";
import { LogPrinter, type PrintOptions } from "../../../src/logs/print-log.ts";
import { type LineRef, markerOf } from "../../../src/logs/source.ts";

const TIME_MS = Date.UTC(2026, 10, 21, 8, 49, 15, 123);

test("a raw line comes out byte by byte as it was written", async () => {
  const odd = Buffer.from([0x66, 0xff, 0x00, 0x1b]);
  expect(await print([line(odd)], {})).toEqual(Buffer.concat([odd, Buffer.from("\n")]));
});

test("a label and a time stand before the line, in this order", async () => {
  const printed = await print([line("ready")], { label: (name) => `${name} | `, timestamps: true });
  expect(printed.toString()).toBe("workflow-runner | 2026-11-21T08:49:15.123Z ready\n");
});

test("records are JSON in the promised shape, whatever stands in a line", async () => {
  const texts = ["plain", 'with "quotes"', "C:\\path", "tab\tand \u001b[31m", "grüße 🎉", ""];
  const printed = await print(
    texts.map((text) => line(text)),
    { json: true },
  );
  expect(
    printed
      .toString()
      .split("\n")
      .slice(0, -1)
      .map((record) => JSON.parse(record)),
  ).toEqual(
    texts.map((text) => ({
      type: "log",
      time: "2026-11-21T08:49:15.123Z",
      component: "workflow-runner",
      stream: "stdout",
      level: "info",
      line: text,
    })),
  );
});

test("bytes that are no UTF-8 become replacement characters in JSON", async () => {
  const printed = await print([line(Buffer.from([0x61, 0xff]))], { json: true });
  expect(JSON.parse(printed.toString()).line).toBe("a\ufffd");
});

test("neighbours with another level, stream or time have their own in JSON", async () => {
  const items = [
    line("a"),
    { ...line("b"), level: null },
    { ...line("c"), stream: "stderr" as const },
    { ...line("d"), timeMs: 0 },
  ];
  const records = (await print(items, { json: true }))
    .toString()
    .split("\n")
    .slice(0, -1)
    .map((text) => JSON.parse(text));
  expect(records.map(({ level, stream, time }) => [level, stream, time.slice(0, 4)])).toEqual([
    ["info", "stdout", "2026"],
    [null, "stdout", "2026"],
    ["info", "stderr", "2026"],
    ["info", "stdout", "1970"],
  ]);
});

test("a marker is a line of its own, and a record in JSON", async () => {
  const marker = markerOf("agent-runner", "restarted", { timeMs: TIME_MS, detail: "why" });
  expect((await print([marker], {})).toString()).toBe("-- agent-runner restarted: why --\n");
  expect(JSON.parse((await print([marker], { json: true })).toString())).toEqual({
    type: "marker",
    time: "2026-11-21T08:49:15.123Z",
    component: "agent-runner",
    marker: "restarted",
    detail: "why",
  });
});

test("raw history loses its prefixes, the lines to skip, and nothing else", async () => {
  const fields = { timeMs: TIME_MS, stream: "stdout", level: "info" } as const;
  const buffer = Buffer.from(
    `__${formatLines("one\n\nthree", fields)}raw\nshort\n${formatLines("six", fields)}no newline`,
  );
  for (const [skip, expected] of [
    [0, "one\n\nthree\nraw\nshort\nsix\nno newline\n"],
    [2, "three\nraw\nshort\nsix\nno newline\n"],
    [7, ""],
  ] as const) {
    const copy = Buffer.from(buffer); // Printing takes the prefixes out in place.
    async function* results() {
      yield { type: "lines" as const, buffer: copy, start: 2, end: copy.length };
    }
    const { output, written } = collector();
    const printer = new LogPrinter(output, { json: false, timestamps: false, label: () => "" });
    await printer.printRaw({ skip, results: results() }, new AbortController().signal);
    expect(written().toString()).toBe(expected);
  }
});

test("a reader that stands still keeps one block in memory", async () => {
  let waiting = 0;
  let largest = 0;
  const output = {
    write(block: Uint8Array) {
      waiting += block.length;
      largest = Math.max(largest, waiting);
    },
    async drained() {
      await new Promise(setImmediate);
      waiting = 0;
    },
  };
  const printer = new LogPrinter(output, { json: false, timestamps: false, label: () => "" });
  await printer.print(Array(20_000).fill(line("x".repeat(100))));
  expect(largest).toBeLessThan(256 * 1024);
});

async function print(items: Parameters<LogPrinter["print"]>[0], options: Partial<PrintOptions>): Promise<Buffer> {
  const { output, written } = collector();
  await new LogPrinter(output, { json: false, timestamps: false, label: () => "", ...options }).print(items);
  return written();
}

function collector() {
  const blocks: Buffer[] = [];
  return {
    output: { write: (block: Uint8Array) => blocks.push(Buffer.from(block)), drained: async () => {} },
    written: () => Buffer.concat(blocks),
  };
}

function line(text: string | Buffer): LineRef {
  const buffer = Buffer.concat([Buffer.from("<<"), Buffer.from(text), Buffer.from(">>")]);
  return {
    type: "line",
    component: "workflow-runner",
    timeMs: TIME_MS,
    stream: "stdout",
    level: "info",
    isStart: false,
    buffer,
    start: 2,
    end: buffer.length - 2,
  };
}
