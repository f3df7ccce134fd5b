import type { ImageProgress } from "../docker/engine.ts";
import { DockerRequestError } from "../docker/engine.ts";

export interface FollowOptions {
  /** Starts the engine's work; aborting its signal ends it. */
  start: (signal: AbortSignal) => AsyncIterable<ImageProgress>;
  onText: (text: string) => void;
  /** Until the first word: what the engine needs to reach a registry. */
  firstWordMs: number;
  /** Between two words after that. */
  silenceMs: number;
  signal: AbortSignal;
}

/** The engine's own words for why it gave up. */
export class ProgressFailure extends Error {
  override readonly name = "ProgressFailure";
}

/**
 * Follows a build, pull or push to its end. An engine that waits for a registry waits without a word, so silence is
 * what ends it: the whole may take as long as it moves.
 *
 * @returns the image's ID when the engine named it.
 * @throws ProgressFailure when the engine reports an error, refuses, or goes silent; else what the engine's client throws.
 */
export async function followProgress(options: FollowOptions): Promise<{ imageId: string | null }> {
  const silence = new AbortController();
  let awaitedMs = options.firstWordMs;
  let timer: NodeJS.Timeout | undefined;
  const expectWord = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), awaitedMs);
  };
  let imageId: string | null = null;
  expectWord();
  try {
    for await (const item of options.start(AbortSignal.any([options.signal, silence.signal]))) {
      awaitedMs = options.silenceMs;
      expectWord();
      if (item.error !== null) throw new ProgressFailure(item.error);
      if (item.imageId !== null) imageId = item.imageId;
      if (item.text !== "") options.onText(item.text);
    }
    options.signal.throwIfAborted();
    if (silence.signal.aborted) throw silenceFailure(awaitedMs);
    return { imageId };
  } catch (error) {
    options.signal.throwIfAborted();
    if (silence.signal.aborted) throw silenceFailure(awaitedMs);
    if (error instanceof DockerRequestError) throw new ProgressFailure(error.message, { cause: error });
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function silenceFailure(awaitedMs: number): ProgressFailure {
  return new ProgressFailure(`timeout: nothing was heard for ${awaitedMs / 1000} s`);
}
