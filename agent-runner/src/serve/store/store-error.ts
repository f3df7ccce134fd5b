/** Whether `error` says that something cannot be kept for now: a full or vanished disk, as SQLite or a sync tells it. */
export function isStoreError(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return code === "ERR_SQLITE_ERROR" || code === "ENOSPC" || code === "EIO" || code === "EDQUOT" || code === "EROFS";
}
