import { fetchNodeRelease } from "../../scripts/lib/node-release.mjs";
import { packageRoot } from "../../src/platform/package.ts";

/** The program of a Node release, from the npm package that holds it; kept in the cache folder of this checkout. */
export function nodeRelease(major: number): Promise<string> {
  return fetchNodeRelease(major, packageRoot());
}
