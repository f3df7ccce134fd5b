import { once } from "node:events";
import { afterEach, expect, test, vi } from "vitest";
import { DockerRequestError, type ImageProgress } from "../../../src/docker/engine.ts";
import { followProgress, ProgressFailure } from "../../../src/image/follow-progress.ts";

afterEach(() => {
  vi.useRealTimers();
});

test("the texts are handed on and the image's ID is returned", async () => {
  const texts: string[] = [];
  const result = await follow(async function* () {
    yield word("Step 1/2");
    yield word("Step 2/2");
    yield { text: "", error: null, imageId: "sha256:1" };
  }, texts);
  expect(texts).toEqual(["Step 1/2", "Step 2/2"]);
  expect(result).toEqual({ imageId: "sha256:1" });
});

test("an error that the engine reports on the way ends it in the engine's words", async () => {
  const failing = follow(async function* () {
    yield word("Step 1/2");
    yield { text: "", error: "the step failed", imageId: null };
  });
  await expect(failing).rejects.toThrow(new ProgressFailure("the step failed"));
});

test("a refusal before the first word is the same failure", async () => {
  // biome-ignore lint/correctness/useYield: it fails before it says anything
  const failing = follow(async function* () {
    throw new DockerRequestError(404, "no such image");
  });
  await expect(failing).rejects.toThrow(new ProgressFailure("no such image"));
});

test("an engine that never says a word is given up after the first deadline", async () => {
  vi.useFakeTimers();
  const failing = follow(async function* (signal) {
    await once(signal, "abort");
    yield* [];
    throw signal.reason;
  });
  const settled = expect(failing).rejects.toThrow("timeout: nothing was heard for 1 s");
  await vi.advanceTimersByTimeAsync(1_000);
  await settled;
});

test("after the first word silence may last longer, and every word starts it anew", async () => {
  vi.useFakeTimers();
  let speak: (() => void) | undefined;
  const failing = follow(async function* (signal) {
    yield word("found it");
    await new Promise<void>((resolve) => {
      speak = resolve;
    });
    yield word("still there");
    await once(signal, "abort");
  });
  const settled = expect(failing).rejects.toThrow("timeout: nothing was heard for 10 s");
  await vi.advanceTimersByTimeAsync(9_000);
  speak?.();
  await vi.advanceTimersByTimeAsync(9_000);
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(1_000);
  await settled;
  expect(vi.getTimerCount()).toBe(0);
});

test.each([
  ["reports the end of its call", () => Promise.reject(new DockerRequestError(499, "the request was ended"))],
  ["just ends", () => Promise.resolve()],
])("a caller who aborts gets the reason of the abort when the engine %s", async (_how, end) => {
  const controller = new AbortController();
  const reason = new Error("interrupted");
  const failing = follow(
    async function* () {
      yield word("Step 1/2");
      controller.abort(reason);
      await end();
    },
    [],
    controller.signal,
  );
  await expect(failing).rejects.toBe(reason);
});

function word(text: string): ImageProgress {
  return { text, error: null, imageId: null };
}

function follow(
  start: (signal: AbortSignal) => AsyncIterable<ImageProgress>,
  texts: string[] = [],
  signal: AbortSignal = new AbortController().signal,
) {
  return followProgress({ start, onText: (text) => texts.push(text), firstWordMs: 1_000, silenceMs: 10_000, signal });
}
