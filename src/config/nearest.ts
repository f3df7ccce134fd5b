import { nearestName } from "@stigmer/agent-runner/nearest";

/** ` (did you mean X?)`, or nothing when no candidate is close. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const candidate = nearestName(word, candidates);
  return candidate === null ? "" : ` (did you mean ${candidate}?)`;
}
