import { expect, test } from "vitest";
import { ContainerSource, type ContainerSourceOptions } from "../../../src/logs/container-source.ts";
import { findContainer } from "../../../src/logs/find-container.ts";
import { lineFilter } from "../../../src/logs/line-filter.ts";
import { readHistory, shown } from "../../support/logs.ts";
import { FakeEngine } from "../../support/logs-container.ts";

const ID = "a".repeat(64);

test("a follow without history begins with the next line", async () => {
  const engine = engineThatPrinted(["one", "two"]);
  const stop = new AbortController();
  const source = await open(engine, { signal: stop.signal });
  expect(await source.seekTail(0)).toBe(0);
  expect(await readHistory(source)).toEqual([]);
  engine.print(ID, "three");
  const lines: string[] = [];
  for await (const items of source.live()) {
    lines.push(...shown(items));
    stop.abort();
  }
  expect(lines).toEqual(["three"]);
});

test("a tail with a condition is of the lines that meet it", async () => {
  const engine = engineThatPrinted(["one", "match 1", "two", "match 2", "match 3", "three"]);
  const filter = lineFilter({ sinceMs: null, untilMs: null, grep: /match/, level: null });
  const source = await open(engine, { filter, dockerSelects: false, follow: null });
  expect(await source.seekTail(2)).toBe(2);
  expect(await readHistory(source)).toEqual(["match 2", "match 3"]);
});

function engineThatPrinted(lines: readonly string[]): FakeEngine {
  const engine = new FakeEngine();
  engine.start(ID);
  for (const line of lines) engine.print(ID, line);
  return engine;
}

async function open(engine: FakeEngine, options: Partial<ContainerSourceOptions>): Promise<ContainerSource> {
  const scope = async () => ({
    containerIdFile: "/nonexistent",
    instance: "the-instance",
    containerName: async () => null,
  });
  const container = await findContainer(engine, await scope());
  return new ContainerSource({
    scope,
    lastLogFile: "/nonexistent",
    connect: async () => engine,
    onlyRecorded: false,
    hasEarlierLines: false,
    opened: container === null ? null : { engine, container },
    filter: null,
    dockerSelects: true,
    sinceMs: null,
    wantsLevel: false,
    follow: { waker: { wait: () => new Promise(() => {}) }, warn: () => {} },
    signal: new AbortController().signal,
    ...options,
  });
}
