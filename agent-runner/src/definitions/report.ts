import type { Path } from "./field-path.ts";

/** Tells a mistake of the item at `path`; `suggestion` is the bare nearest name. */
export type Report = (path: Path, message: string, suggestion?: string | null) => void;

/** Tells that none of several keys of the map at `path` is there. */
export type ReportMissing = (path: Path, keys: readonly [string, ...string[]], message: string) => void;
