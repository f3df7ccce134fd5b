import type { Row } from "./row.ts";
import { concurrentStarts, startAgainstStop } from "./rows/concurrency.ts";
import { crashLoop, deafToSigterm, missingImage, removedContainer } from "./rows/containers.ts";
import { damagedFiles } from "./rows/damage.ts";
import { fullDisk, longHome, readOnlyHome } from "./rows/disk.ts";
import { restarts, startStopPairs } from "./rows/endurance.ts";
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
  fullDisk,
  readOnlyHome,
  longHome,
  damagedFiles,
  deafToSigterm,
  restarts,
  startStopPairs,
  crashLoop,
  missingImage,
  removedContainer,
];
