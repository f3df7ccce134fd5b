import type { Json, TokenUsage } from "@stigmer/agent-runner/protocol";
import { integer, json, jsonOrNull, text, textOrNull } from "@stigmer/agent-runner/sql-columns";
import type { Row, SqlDriver } from "@stigmer/agent-runner/sql-driver";

/**
 * Where an execution stands; the last four never change again. A row with the phase `expired` is on its way out and is
 * not shown (see {@link Expired}).
 */
export type StoredPhase = "queued" | "running" | "succeeded" | "failed" | "cancelled" | "timed_out";

export interface NewExecution {
  id: string;
  engine: "embedded" | "temporal";
  kind: "agent" | "workflow";
  name: string;
  createdAt: string;
  conversationId: string | null;
  limitMs: number;
  digest: string;
  defaults: Json;
  input: Json;
}

/** The columns that a list shows. */
export interface ExecutionRow {
  /** Its place in the order of creation, from 1. */
  number: number;
  id: string;
  kind: "agent" | "workflow";
  name: string;
  phase: StoredPhase;
  createdAt: string;
  endedAt: string | null;
}

export interface ExecutionRecord extends ExecutionRow {
  startedAt: string | null;
  conversationId: string | null;
  /** How many turns the conversation had when this execution first ran: what it sees however often it is resumed. */
  conversationTurns: number;
  limitMs: number;
  digest: string;
  defaults: Json;
  input: Json;
  output: Json;
  error: { code: string; message: string } | null;
  tokens: TokenUsage;
}

export interface Ending {
  phase: "succeeded" | "failed" | "cancelled" | "timed_out";
  endedAt: string;
  output: Json;
  error: { code: string; message: string } | null;
  tokens: TokenUsage;
}

export interface Executions {
  /** Returns its number. */
  insert(execution: NewExecution): number;
  find(id: string): ExecutionRecord | null;
  numberOf(id: string): number | null;
  byNumber(number: number): ExecutionRecord;
  /** Newest first, those created before number `before`. */
  list(query: { limit: number; before: number | null; phase: StoredPhase | null }): ExecutionRow[];
  markRunning(number: number, startedAt: string, conversationTurns: number): void;
  /** False, and nothing changes, when it had ended before. */
  end(number: number, ending: Ending): boolean;
  /** How many wait and run, by the index over phases: the cost does not grow with those that ended. */
  countUnfinished(): { queued: number; running: number };
}

const SUMMARY = "number, id, kind, name, phase, created_at, ended_at";
const RECORD = `${SUMMARY}, started_at, conversation_id, conversation_turns, limit_ms, input_tokens,
  output_tokens, digest, defaults, error, input, output`;

export function createExecutions(driver: SqlDriver): Executions {
  return {
    insert: (execution) => {
      const row = driver.get(
        `INSERT INTO executions (id, engine, kind, name, phase, created_at, conversation_id, limit_ms, digest, defaults, input)
         VALUES (?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?) RETURNING number`,
        execution.id,
        execution.engine,
        execution.kind,
        execution.name,
        execution.createdAt,
        execution.conversationId,
        execution.limitMs,
        execution.digest,
        JSON.stringify(execution.defaults),
        JSON.stringify(execution.input),
      );
      if (row === null) throw new Error("an inserted execution has no number");
      return integer(row, "number");
    },
    find: (id) => {
      const row = driver.get(`SELECT ${RECORD} FROM executions WHERE id = ? AND phase <> 'expired'`, id);
      return row === null ? null : toRecord(row);
    },
    numberOf: (id) => {
      const row = driver.get("SELECT number FROM executions WHERE id = ? AND phase <> 'expired'", id);
      return row === null ? null : integer(row, "number");
    },
    byNumber: (number) => {
      const row = driver.get(`SELECT ${RECORD} FROM executions WHERE number = ?`, number);
      if (row === null) throw new Error(`there is no execution number ${number}`);
      return toRecord(row);
    },
    list: ({ limit, before, phase }) => {
      const bound = before ?? Number.MAX_SAFE_INTEGER;
      const rows =
        phase === null
          ? driver.all(
              `SELECT ${SUMMARY} FROM executions WHERE number < ? AND phase <> 'expired' ORDER BY number DESC LIMIT ?`,
              bound,
              limit,
            )
          : driver.all(
              `SELECT ${SUMMARY} FROM executions WHERE phase = ? AND number < ? ORDER BY number DESC LIMIT ?`,
              phase,
              bound,
              limit,
            );
      return rows.map(toRow);
    },
    markRunning: (number, startedAt, conversationTurns) => {
      driver.run(
        `UPDATE executions SET phase = 'running', started_at = ?, conversation_turns = ?
         WHERE number = ? AND phase = 'queued'`,
        startedAt,
        conversationTurns,
        number,
      );
    },
    end: (number, { phase, endedAt, output, error, tokens }) =>
      driver.run(
        `UPDATE executions SET phase = ?, ended_at = ?, output = ?, error = ?, input_tokens = ?, output_tokens = ?
         WHERE number = ? AND phase IN ('queued', 'running')`,
        phase,
        endedAt,
        JSON.stringify(output),
        JSON.stringify(error),
        tokens.input,
        tokens.output,
        number,
      ) > 0,
    countUnfinished: () => {
      const count = (phase: StoredPhase): number => {
        const row = driver.get("SELECT COUNT(*) AS count FROM executions WHERE phase = ?", phase);
        return row === null ? 0 : integer(row, "count");
      };
      return { queued: count("queued"), running: count("running") };
    },
  };
}

function toRow(row: Row): ExecutionRow {
  return {
    number: integer(row, "number"),
    id: text(row, "id"),
    kind: text(row, "kind") as ExecutionRow["kind"],
    name: text(row, "name"),
    phase: text(row, "phase") as StoredPhase,
    createdAt: text(row, "created_at"),
    endedAt: textOrNull(row, "ended_at"),
  };
}

function toRecord(row: Row): ExecutionRecord {
  return {
    ...toRow(row),
    startedAt: textOrNull(row, "started_at"),
    conversationId: textOrNull(row, "conversation_id"),
    conversationTurns: integer(row, "conversation_turns"),
    limitMs: integer(row, "limit_ms"),
    digest: text(row, "digest"),
    defaults: json(row, "defaults"),
    input: json(row, "input"),
    output: jsonOrNull(row, "output"),
    error: jsonOrNull(row, "error") as ExecutionRecord["error"],
    tokens: { input: integer(row, "input_tokens"), output: integer(row, "output_tokens") },
  };
}
