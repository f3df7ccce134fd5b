import { expect, test } from "vitest";
import { EventBell } from "../../../src/engine/embedded/event-bell.ts";

const never = new AbortController().signal;

test("a ring wakes all who wait for that execution, and nobody else", async () => {
  const bell = new EventBell();
  const woken: string[] = [];
  const waits = ["a", "a", "b"].map((id) => bell.wait(id, never).then(() => woken.push(id)));
  bell.ring("a");
  await Promise.all(waits.slice(0, 2));
  expect(woken).toEqual(["a", "a"]);
  bell.ring("b");
  await Promise.all(waits);
});

test("an aborted wait ends at once, also one that begins aborted", async () => {
  const bell = new EventBell();
  const end = new AbortController();
  const wait = bell.wait("a", end.signal);
  end.abort();
  await wait;
  await bell.wait("a", end.signal);
});

test("one who gave up does not keep the others from being woken", async () => {
  const bell = new EventBell();
  const end = new AbortController();
  const gone = bell.wait("a", end.signal);
  const stays = bell.wait("a", never);
  end.abort();
  await gone;
  bell.ring("a");
  await stays;
});

test("when the server ends, all who wait for anything are woken", async () => {
  const bell = new EventBell();
  const waits = ["a", "b", "b"].map((id) => bell.wait(id, never));
  bell.ringAll();
  await Promise.all(waits);
});
