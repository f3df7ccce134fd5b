import { toApiError } from "../api-error.ts";

/** What a stream says of a failure. Words of a fault of ours stay in the log. */
export function messageOf(error: unknown): string {
  return toApiError(error)?.message ?? "the service failed; its log says why";
}
