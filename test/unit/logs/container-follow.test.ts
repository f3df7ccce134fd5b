import { expect, test } from "vitest";
import { ContainerPosition } from "../../../src/docker/log-position.ts";
import { AppError } from "../../../src/errors.ts";
import { ContainerFollow } from "../../../src/logs/container-follow.ts";
import { findContainer } from "../../../src/logs/find-container.ts";
import { saveLastContainerLog } from "../../../src/logs/last-container-log.ts";
import { withDeadline } from "../../../src/platform/deadline.ts";
import { FakeEngine } from "../../support/logs-container.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const FIRST = "a".repeat(64);
const SECOND = "b".repeat(64);

test("the lines of a container that is started again go on behind a marker", async () => {
  const engine = new FakeEngine();
  engine.start(FIRST);
  engine.print(FIRST, "one");
  await using follow = await following(engine);
  await follow.until("one");
  engine.print(FIRST, "two");
  engine.stop(FIRST);
  await follow.until("two");
  engine.start(FIRST);
  engine.print(FIRST, "three");
  await follow.until("three");
  expect(follow.shown).toEqual(["one", "two", "<restarted>", "three"]);
});

test("a quick restart leaves nothing behind: last lines of the old run stand before the marker", async () => {
  const engine = new FakeEngine();
  engine.start(FIRST);
  engine.print(FIRST, "one");
  await using follow = await following(engine);
  await follow.until("one");
  // All of it before the reader has its next turn.
  engine.print(FIRST, "last words", { stream: "stderr" });
  engine.stop(FIRST);
  engine.start(FIRST);
  engine.print(FIRST, "again");
  await follow.until("again");
  expect(follow.shown).toEqual(["one", "last words", "<restarted>", "again"]);
});

test("a run that began and ended while the stream of the run before it was read has its one marker", async () => {
  const engine = new FakeEngine();
  engine.start(FIRST);
  engine.print(FIRST, "one");
  await using follow = await following(engine);
  await follow.until("one");
  // The stream of the first run brings this as well; its reader looks at the container only when that has ended
  // again, and it starts once more before its log is asked for.
  engine.stop(FIRST);
  engine.start(FIRST);
  engine.print(FIRST, "two");
  await follow.until("two");
  engine.stop(FIRST);
  engine.beforeNextLog = () => {
    engine.start(FIRST);
    engine.print(FIRST, "three");
    engine.print(FIRST, "four");
  };
  await follow.until("four");
  expect(follow.shown).toEqual(["one", "<restarted>", "two", "<restarted>", "three", "four"]);
});

test("a run that nobody saw running stands between two markers", async () => {
  const engine = new FakeEngine();
  engine.start(FIRST);
  engine.print(FIRST, "one");
  await using follow = await following(engine);
  await follow.until("one");
  engine.stop(FIRST);
  engine.start(FIRST);
  engine.print(FIRST, "two");
  engine.stop(FIRST);
  engine.start(FIRST);
  engine.print(FIRST, "three");
  await follow.until("three");
  expect(follow.shown).toEqual(["one", "<restarted>", "two", "<restarted>", "three"]);
});

test("a container that says nothing after its restart is told all the same", async () => {
  const engine = new FakeEngine();
  engine.start(FIRST);
  await using follow = await following(engine);
  await follow.attached();
  engine.stop(FIRST);
  engine.start(FIRST);
  await follow.until("<restarted>");
  expect(follow.shown).toEqual(["<restarted>"]);
});

test("a container removed by hand is lost, told once, and its successor is followed", async () => {
  const engine = new FakeEngine();
  engine.start(FIRST);
  engine.print(FIRST, "one");
  await using follow = await following(engine);
  await follow.until("one");
  engine.stop(FIRST);
  engine.remove(FIRST);
  await follow.until("<lost>");
  engine.start(SECOND);
  engine.print(SECOND, "two");
  await follow.until("two");
  expect(follow.shown).toEqual(["one", "<lost>", "two"]);
});

test("a container that was replaced before anybody looked is lost as well", async () => {
  const engine = new FakeEngine();
  engine.start(FIRST);
  engine.print(FIRST, "one");
  await using follow = await following(engine);
  await follow.until("one");
  engine.stop(FIRST);
  engine.remove(FIRST);
  engine.start(SECOND);
  engine.print(SECOND, "two");
  await follow.until("two");
  expect(follow.shown).toEqual(["one", "<lost>", "two"]);
});

test("a container that we removed ourselves is not lost: its log was saved", async () => {
  const engine = new FakeEngine();
  engine.start(FIRST);
  engine.print(FIRST, "one");
  await using follow = await following(engine);
  await follow.until("one");
  engine.stop(FIRST);
  await saveLastContainerLog({ engine, containerId: FIRST, file: follow.lastLogFile });
  engine.remove(FIRST);
  engine.start(SECOND);
  engine.print(SECOND, "two");
  await follow.until("two");
  expect(follow.shown).toEqual(["one", "<restarted>", "two"]);
});

test("an engine that goes away is a warning, and its return goes on without loss or repetition", async () => {
  const engine = new FakeEngine();
  engine.start(FIRST);
  engine.print(FIRST, "one");
  await using follow = await following(engine);
  await follow.until("one");
  engine.breakStreams(new AppError("DOCKER_NOT_RUNNING", "Docker is not running"));
  engine.print(FIRST, "two");
  await follow.warned();
  engine.fault = null;
  engine.print(FIRST, "three");
  await follow.until("three");
  expect(follow.shown).toEqual(["one", "two", "three"]);
  expect(follow.warnings).toHaveLength(1);
});

test("a reader that began with the last line does not show the ones before when it attaches again", async () => {
  const engine = new FakeEngine();
  engine.start(FIRST);
  for (const line of ["one", "two", "three"]) engine.print(FIRST, line);
  await using follow = await following(engine, { tail: 1 });
  engine.print(FIRST, "four");
  await follow.until("four");
  expect(follow.shown).toEqual(["four"]);
});

test("a line stamped earlier than the one before it is neither lost nor doubled", async () => {
  const engine = new FakeEngine();
  engine.start(FIRST);
  engine.print(FIRST, "one");
  await using follow = await following(engine);
  await follow.until("one");
  engine.print(FIRST, "two");
  engine.print(FIRST, "late", { stream: "stderr", lateMs: 5 });
  await follow.until("late");
  engine.breakStreams(new AppError("DOCKER_NOT_RUNNING", "Docker is not running"));
  engine.print(FIRST, "later", { stream: "stderr", lateMs: 20 });
  await follow.warned();
  engine.fault = null;
  engine.print(FIRST, "end");
  await follow.until("end");
  expect(follow.shown).toEqual(["one", "two", "late", "later", "end"]);
});

interface Following extends AsyncDisposable {
  readonly shown: string[];
  readonly warnings: string[];
  readonly lastLogFile: string;
  until(line: string): Promise<void>;
  warned(): Promise<void>;
  /** Resolves when the running container's log is followed. */
  attached(): Promise<void>;
}

async function following(engine: FakeEngine, { tail = null }: { tail?: number | null } = {}): Promise<Following> {
  const directory = await temporaryDirectory();
  const stop = new AbortController();
  const shown: string[] = [];
  const warnings: string[] = [];
  const listeners = new Set<() => void>();
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  const met = (what: string, isMet: () => boolean): Promise<void> =>
    withDeadline(
      async () => {
        while (!isMet()) await new Promise<void>((resolve) => listeners.add(resolve));
      },
      { what, timeoutMs: 5000 },
    );
  const scope = async () => ({
    containerIdFile: directory.file("container.id"),
    instance: "the-instance",
    containerName: async () => null,
  });
  const position = new ContainerPosition(null);
  const current = tail === null ? null : await findContainer(engine, await scope());
  if (current !== null && tail !== null) {
    const request = { follow: false, tail, since: null, until: null, signal: stop.signal };
    for await (const line of engine.logs(current.id, request)) position.pass(line);
  }
  const follow = new ContainerFollow(
    {
      scope,
      lastLogFile: directory.file("last.log"),
      connect: async () => engine,
      onlyRecorded: false,
      hasEarlierLines: false,
      // What a wait for a file would be, in a test where none changes.
      waker: { wait: () => new Promise((resolve) => stop.signal.addEventListener("abort", () => resolve())) },
      warn: (sentence) => {
        warnings.push(sentence);
        tell();
      },
      reconnectMs: 1,
      signal: stop.signal,
    },
    position,
    current,
  );
  const running = (async () => {
    for await (const items of follow.run()) {
      for (const item of items) shown.push(item.type === "marker" ? `<${item.marker}>` : item.line.line.toString());
      tell();
    }
  })();
  return {
    shown,
    warnings,
    lastLogFile: directory.file("last.log"),
    until: (line) => met(line, () => shown.includes(line)),
    warned: () => met("a warning", () => warnings.length > 0),
    async attached() {
      while (engine.logRequests < 2) await new Promise(setImmediate);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await directory[Symbol.asyncDispose]();
    },
  };
}
