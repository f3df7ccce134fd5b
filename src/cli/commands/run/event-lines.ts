import type { ExecutionEvent } from "@stigmer/agent-runner/protocol";

/** Shows events as text, on the streams where they belong. */
export interface EventLines {
  show(event: ExecutionEvent): void;
  /** Nothing more comes: a line that was begun is ended. */
  end(): void;
}
