import { packageVersion } from "../../../../platform/package.ts";
import { type Check, pass } from "../check.ts";

/** The launcher refuses an older Node before this could run. */
export async function checkNode(): Promise<Check> {
  return pass(
    "node",
    `stigmer ${packageVersion()} on Node ${process.versions.node}, ${process.platform} ${process.arch}`,
  );
}
