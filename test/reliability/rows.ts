import type { Row } from "./row.ts";
import { concurrentStarts, startAgainstStop } from "./rows/concurrency.ts";
import { damagedFiles } from "./rows/damage.ts";
import { foreignThings, reboot } from "./rows/identity.ts";
import { killDuringStart, killDuringStop, killWhileRunning } from "./rows/kills.ts";

/** The fault matrix, in the order of its publication. */
export const ROWS: readonly Row[] = [
  killDuringStart,
  killDuringStop,
  killWhileRunning,
  concurrentStarts,
  startAgainstStop,
  foreignThings,
  reboot,
  damagedFiles,
];
