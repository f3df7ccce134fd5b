import type { AgentTask } from "@stigmer/agent-runner/protocol";
import { integer, json, text } from "@stigmer/agent-runner/sql-columns";
import type { SqlDriver } from "@stigmer/agent-runner/sql-driver";

export type Turn = AgentTask["conversation"][number];

/** What was said under a `--session`, turn by turn. */
export interface Conversations {
  turnCount(id: string): number;
  /** The first `count` turns, oldest first. */
  first(id: string, count: number): Turn[];
  append(id: string, turns: Turn[]): void;
}

export function createConversations(driver: SqlDriver): Conversations {
  const turnCount = (id: string): number => {
    const row = driver.get("SELECT MAX(turn) AS last FROM conversations WHERE id = ?", id);
    return row === null || row["last"] === null ? 0 : integer(row, "last");
  };
  return {
    turnCount,
    first: (id, count) =>
      driver
        .all("SELECT role, text FROM conversations WHERE id = ? AND turn <= ? ORDER BY turn", id, count)
        .map((row) => ({ role: text(row, "role") as Turn["role"], text: String(json(row, "text")) })),
    append: (id, turns) => {
      driver.transaction(() => {
        let turn = turnCount(id);
        for (const { role, text: said } of turns) {
          turn += 1;
          driver.run(
            "INSERT INTO conversations (id, turn, role, text) VALUES (?, ?, ?, ?)",
            id,
            turn,
            role,
            JSON.stringify(said),
          );
        }
      });
    },
  };
}
