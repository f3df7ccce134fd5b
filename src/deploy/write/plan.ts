import { MANIFEST_NAME, sha256 } from "../manifest.ts";
import type { Found, Survey } from "./survey.ts";

/** What writing would do to a directory. Plain data; paths are sorted. */
export interface WritePlan {
  /** Files that are missing or out of date. */
  write: string[];
  /** Files that an earlier generation wrote, nobody changed, and this one has not. */
  remove: string[];
  /** What somebody changed, or put in the place of a file of ours: left as it is. */
  kept: string[];
  /** What stands in the way and cannot be replaced even by force, with what it is. */
  blocked: { path: string; what: string }[];
}

/** Decides what becomes of each file. Pure. `force` gives up what was changed by hand. */
export function planWrite(
  files: ReadonlyMap<string, Uint8Array>,
  { found, manifest }: Survey,
  force: boolean,
): WritePlan {
  const plan: WritePlan = { write: [], remove: [], kept: [], blocked: [] };
  const isOurs = (path: string, digest: string) =>
    manifest?.files[path] === digest || manifest?.replacing?.[path] === digest;

  for (const [path, content] of files) {
    const present: Found = found.get(path) ?? { kind: "missing" };
    if (present.kind === "missing") plan.write.push(path);
    else if (present.kind === "other") {
      if (force) plan.blocked.push({ path, what: present.what });
      else plan.kept.push(path);
    } else if (present.digest !== sha256(content)) {
      // The manifest has no digest of its own: that it could be read makes it ours.
      const isReplaceable = path === MANIFEST_NAME || isOurs(path, present.digest) || force;
      (isReplaceable ? plan.write : plan.kept).push(path);
    }
  }
  for (const path of Object.keys(manifest?.files ?? {}).filter((known) => !files.has(known))) {
    const present = found.get(path);
    if (present?.kind !== "file") continue;
    (isOurs(path, present.digest) ? plan.remove : plan.kept).push(path);
  }
  plan.kept.sort();
  return plan;
}

/** Whether the directory is as a generation would leave it. */
export function isUpToDate(plan: WritePlan): boolean {
  return plan.write.length === 0 && plan.remove.length === 0 && plan.blocked.length === 0;
}
