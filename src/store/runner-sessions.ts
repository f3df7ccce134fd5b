import type { HelloRequest } from "@stigmer/agent-runner/protocol";
import { json, text } from "@stigmer/agent-runner/sql-columns";
import type { SqlDriver } from "@stigmer/agent-runner/sql-driver";

/** A boot of a runner, kept so that it works on, with its leases, when the server was away for a while. */
export interface RunnerSessionRow {
  id: string;
  hello: HelloRequest;
}

export interface RunnerSessions {
  insert(session: RunnerSessionRow): void;
  list(): RunnerSessionRow[];
  delete(id: string): void;
}

export function createRunnerSessions(driver: SqlDriver): RunnerSessions {
  return {
    insert: ({ id, hello }) => {
      driver.run(
        "INSERT INTO runner_sessions (id, runner_id, hello) VALUES (?, ?, ?)",
        id,
        hello.runnerId,
        JSON.stringify(hello),
      );
    },
    list: () =>
      driver.all("SELECT id, hello FROM runner_sessions").map((row) => ({
        id: text(row, "id"),
        hello: json(row, "hello") as unknown as HelloRequest,
      })),
    delete: (id) => {
      driver.run("DELETE FROM runner_sessions WHERE id = ?", id);
    },
  };
}
