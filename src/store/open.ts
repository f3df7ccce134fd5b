import { open, stat } from "node:fs/promises";
import { createEvents, type Events } from "@stigmer/agent-runner/event-log";
import type { SqlDriver } from "@stigmer/agent-runner/sql-driver";
import { migrate } from "@stigmer/agent-runner/sql-migrate";
import { createSteps, type Steps } from "@stigmer/agent-runner/steps";
import { openWalSync, type WalSync } from "@stigmer/agent-runner/wal-sync";
import { AppError, systemErrorCode } from "../errors.ts";
import { toFileError } from "../platform/file-error.ts";
import { type Conversations, createConversations } from "./conversations.ts";
import { damaged, withStoreErrors } from "./database-error.ts";
import { createDefinitions, type Definitions } from "./definitions.ts";
import { createExecutions, type Executions } from "./executions.ts";
import { createExpired, type Expired } from "./expired.ts";
import { inspectDatabase } from "./inspect.ts";
import { openLibsql } from "./libsql-driver.ts";
import { SCHEMA } from "./migrations.ts";
import { createNodeRuns, type NodeRuns } from "./node-runs.ts";
import { createRunnerSessions, type RunnerSessions } from "./runner-sessions.ts";
import { createTasks, type Tasks } from "./tasks.ts";
import { createUnfinished, type Unfinished } from "./unfinished.ts";

/**
 * Everything the server remembers. A write is in the file when its call returns and survives any death of the process;
 * it survives a loss of power once {@link Store.flush} resolved. Calls throw AppErrors STATE_DAMAGED, DISK_FULL and
 * PERMISSION_DENIED.
 */
export interface Store {
  definitions: Definitions;
  executions: Executions;
  expired: Expired;
  events: Events;
  steps: Steps;
  nodeRuns: NodeRuns;
  tasks: Tasks;
  unfinished: Unfinished;
  conversations: Conversations;
  runnerSessions: RunnerSessions;
  /** All of `work` or nothing of it; `work` is synchronous. */
  transaction<T>(work: () => T): T;
  /** Resolves once everything written before is on the disk. */
  flush(): Promise<void>;
  /**
   * Leaves nothing in the files of what was deleted: a deleted row is overwritten, but older versions of its page stay
   * in the log until that is merged and cut, which is done here. Takes milliseconds.
   */
  erase(): void;
  close(): Promise<void>;
}

/**
 * Opens the database, making it when there is none. A file that this version cannot use is left exactly as it is.
 * @throws AppError STATE_DAMAGED (damaged, foreign, of a newer version), PERMISSION_DENIED, DISK_FULL.
 */
export async function openStore(file: string): Promise<Store> {
  if (await createIfMissing(file)) await inspectDatabase(file, () => openLibsql(file, "inspect"));
  const driver = await openLibsql(file, "write");
  configure(driver);
  migrate(driver, SCHEMA);
  const sync = openSync(`${file}-wal`);
  const table = <Table extends object>(create: (driver: SqlDriver) => Table): Table =>
    withStoreErrors(create(driver), file);
  return {
    definitions: table(createDefinitions),
    executions: table(createExecutions),
    expired: table(createExpired),
    events: table(createEvents),
    steps: table(createSteps),
    nodeRuns: table(createNodeRuns),
    tasks: table(createTasks),
    unfinished: table(createUnfinished),
    conversations: table(createConversations),
    runnerSessions: table(createRunnerSessions),
    transaction: driver.transaction,
    flush: sync.flush,
    erase: () => mergeLog(driver),
    close: async () => {
      await sync.close();
      mergeLog(driver);
      driver.close();
    },
  };
}

function openSync(walFile: string): WalSync {
  const tell = (error: unknown): never => {
    throw toFileError(error, walFile);
  };
  try {
    const { flush, close } = openWalSync(walFile);
    return { flush: () => flush().catch(tell), close };
  } catch (error) {
    return tell(error);
  }
}

/** Fails on a full disk, where the log stays as it is and is read as well as the database it would have gone to. */
function mergeLog(driver: SqlDriver): void {
  try {
    driver.get("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
  }
}

/** True when there was a file with something in it. SQLite gives its side files the mode of the database. */
async function createIfMissing(file: string): Promise<boolean> {
  try {
    await (await open(file, "wx", 0o600)).close();
    return false;
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") throw toFileError(error, file);
  }
  const found = await stat(file);
  if (!found.isFile()) throw damaged(file, "it is not a regular file");
  return found.size > 0;
}

function configure(driver: SqlDriver): void {
  driver.get("PRAGMA journal_mode = WAL");
  driver.exec("PRAGMA synchronous = NORMAL");
  // The environment of an execution may hold secrets: its bytes are overwritten when it is deleted.
  driver.get("PRAGMA secure_delete = ON");
  driver.get("PRAGMA journal_size_limit = 16777216");
  // The log is merged when it has reached that size, not at the usual 4 MiB: a merge forces the disk and blocks the loop.
  driver.get("PRAGMA wal_autocheckpoint = 4096");
}
