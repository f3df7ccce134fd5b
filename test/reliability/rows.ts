import type { Row } from "./row.ts";
import { killDuringStart, killDuringStop, killWhileRunning } from "./rows/kills.ts";

/** The fault matrix, in the order of its publication. */
export const ROWS: readonly Row[] = [killDuringStart, killDuringStop, killWhileRunning];
