import type { Row } from "./row.ts";
import { jumpingClock } from "./rows/clock.ts";
import { concurrentStarts, startAgainstStop } from "./rows/concurrency.ts";
import { crashLoop, deafToSigterm, missingImage, removedContainer } from "./rows/containers.ts";
import { damagedFiles } from "./rows/damage.ts";
import { fullDisk, longHome, readOnlyHome } from "./rows/disk.ts";
import { brokenSocket, restartedDaemon } from "./rows/docker-faults.ts";
import { restarts, startStopPairs } from "./rows/endurance.ts";
import { doubleCancel, killedRunner, killedServer } from "./rows/executions.ts";
import { hostileWorkflows } from "./rows/hostile-workflows.ts";
import { foreignThings, reboot } from "./rows/identity.ts";
import { killDuringStart, killDuringStop, killWhileRunning } from "./rows/kills.ts";
import { logBurst } from "./rows/log-burst.ts";
import { wrongSignatures } from "./rows/signatures.ts";
import { killedWorkflow } from "./rows/workflows.ts";

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
  brokenSocket,
  restartedDaemon,
  jumpingClock,
  logBurst,
  killedRunner,
  killedServer,
  doubleCancel,
  hostileWorkflows,
  killedWorkflow,
  wrongSignatures,
];
