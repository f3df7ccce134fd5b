import { AppError, systemErrorCode } from "../errors.ts";

/**
 * Any thrown thing as an error that can be shown. What is no AppError is a bug of ours, unless an abort was asked for:
 * then it is the abort's own reason.
 */
export function toAppError(thrown: unknown, aborted: AbortSignal): AppError {
  if (thrown instanceof AppError) return thrown;
  const reason: unknown = aborted.reason;
  if (aborted.aborted && isAbort(thrown) && reason instanceof AppError) return reason;
  if (systemErrorCode(thrown) === "ENOSPC") {
    return new AppError("DISK_FULL", "There is no space left on a disk that had to be written", {
      detail: thrown instanceof Error ? thrown.message : null,
      hint: "Make room, then try again",
      retryable: true,
      actions: [{ label: "See how full the disks are", command: "df -h" }],
      cause: thrown,
    });
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new AppError("INTERNAL", `Unexpected error: ${message}`, {
    hint: "This is a bug in stigmer. Please report it with the output of the same command under --debug, and a bundle",
    actions: [{ label: "Write a bundle for the report", command: "stigmer doctor --bundle stigmer-report.tar.gz" }],
    cause: thrown,
  });
}

function isAbort(thrown: unknown): boolean {
  return thrown instanceof Error && (thrown.name === "AbortError" || thrown.name === "TimeoutError");
}
