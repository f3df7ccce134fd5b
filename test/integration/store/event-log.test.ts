import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import type { SqlDriver } from "../../../agent-runner/src/event-log/driver.ts";
import { createEvents } from "../../../agent-runner/src/event-log/events.ts";
import { migrate, type Schema } from "../../../agent-runner/src/event-log/migrate.ts";
import { createSteps } from "../../../agent-runner/src/event-log/steps.ts";
import { createJobRuns } from "../../../agent-runner/src/serve/store/job-runs.ts";
import { JOBS_SCHEMA, migrateJobs } from "../../../agent-runner/src/serve/store/schema.ts";
import { openLibsql } from "../../../src/store/libsql-driver.ts";
import { SCHEMA } from "../../../src/store/migrations.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

/** An empty database, closed and removed at the end of its scope. */
async function emptyDatabase(): Promise<{ driver: SqlDriver } & AsyncDisposable> {
  const directory = await temporaryDirectory();
  await writeFile(directory.file("log.db"), "");
  const driver = await openLibsql(directory.file("log.db"), "write");
  return {
    driver,
    async [Symbol.asyncDispose]() {
      driver.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** The columns and the indices of the event log's tables, whatever their order. */
async function logOf(schema: Schema): Promise<unknown> {
  await using database = await emptyDatabase();
  const { driver } = database;
  migrate(driver, schema);
  return ["events", "steps"].map((table) => ({
    table,
    columns: driver.all(`SELECT name, type, "notnull", pk FROM pragma_table_info('${table}') ORDER BY name`),
    indices: driver
      .all(`SELECT name, "unique", partial FROM pragma_index_list('${table}') WHERE origin = 'c' ORDER BY name`)
      .map(({ name, ...rest }) => ({
        ...rest,
        columns: driver.all(`SELECT name FROM pragma_index_info('${name}') ORDER BY seqno`),
      })),
  }));
}

test("the event log of a deployment has the tables of the stack's", async () => {
  const stack = await logOf(SCHEMA);
  expect(stack).toMatchObject([
    { table: "events", indices: [{ partial: 1, columns: expect.any(Array) }] },
    { table: "steps" },
  ]);
  expect(await logOf(JOBS_SCHEMA)).toEqual(stack);
});

test("jobs of the first version keep their runs, steps and events", async () => {
  await using database = await emptyDatabase();
  const { driver } = database;
  migrate(driver, { ...JOBS_SCHEMA, migrations: JOBS_SCHEMA.migrations.slice(0, 1) });
  const record = JSON.stringify({ kind: "model", text: "x", toolCalls: [], tokens: { input: 1, output: 1 } });
  driver.exec(`
    INSERT INTO workflows VALUES ('d', '{}');
    INSERT INTO jobs (number, id, status, created_at, body_digest, workflow, input)
      VALUES (7, 'job', 'running', 1, 'b', 'd', '{}');
    INSERT INTO runs VALUES (7, 1, 'draft', 1, 'open', 1, NULL, '{"a":1}', NULL);
    INSERT INTO steps VALUES (7, 1, 1, 'finished', '${record}');
    INSERT INTO events VALUES (7, 1, 'execution.queued', 't', '{}');
  `);
  migrateJobs(driver);
  const runs = createJobRuns(driver);
  expect(runs.list(7)).toMatchObject([{ run: 1, node: "draft", phase: "open", state: { a: 1 } }]);
  expect(runs.modelCalls(7, { run: 2, node: "draft" })).toBe(1);
  expect(createSteps(driver).list(7, 1)).toMatchObject([{ step: 1, phase: "finished", record: { text: "x" } }]);
  const events = createEvents(driver);
  expect(events.append(7, 1, [{ type: "execution.started", time: "t", data: {} }])).toBe(2);
  expect(events.page({ number: 7, id: "job" }, 0, 10).map(({ seq, type }) => [seq, type])).toEqual([
    [1, "execution.queued"],
    [2, "execution.started"],
  ]);
});
