import { expect, test } from "vitest";
import { openLibsql } from "../../../src/store/libsql-driver.ts";
import { openStore } from "../../../src/store/open.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

// What a query costs is read off its plan: a plan without a scan and without a sort costs the same at any size.
test.for([
  [
    "the newest executions",
    "SELECT id FROM executions WHERE number < 9 AND phase <> 'expired' ORDER BY number DESC LIMIT 50",
  ],
  ["those of a phase", "SELECT id FROM executions WHERE phase = 'failed' AND number < 9 ORDER BY number DESC LIMIT 50"],
  ["one by its id", "SELECT number FROM executions WHERE id = 'x'"],
  ["the unfinished ones", "SELECT COUNT(*) FROM executions WHERE phase = 'queued'"],
  [
    "the one that ended first",
    "SELECT number FROM executions WHERE ended_at < 'x' AND phase <> 'expired' ORDER BY ended_at LIMIT 1",
  ],
  ["a page of events", "SELECT data FROM events WHERE execution = 1 AND seq > 5 ORDER BY seq LIMIT 64"],
  ["the last event", "SELECT MAX(seq) FROM events WHERE execution = 1"],
  ["the steps", "SELECT record FROM steps WHERE execution = 1 AND run = 0 ORDER BY step"],
  ["the steps of all tasks", "SELECT record FROM steps WHERE execution = 1 ORDER BY run, step"],
  ["the node runs", "SELECT node FROM node_runs WHERE execution = 1 ORDER BY run"],
  [
    "the unfinished ones with their variables",
    "SELECT id FROM executions LEFT JOIN environments ON execution = number WHERE phase IN ('queued', 'running')",
  ],
  ["the tasks of an execution", "SELECT number FROM tasks WHERE execution = 1"],
  ["the last turn", "SELECT MAX(turn) FROM conversations WHERE id = 'x'"],
])("%s are found by an index, without a sort", async ([, sql]) => {
  await using directory = await temporaryDirectory();
  await (await openStore(directory.file("stigmer.db"))).close();
  const driver = await openLibsql(directory.file("stigmer.db"), "inspect");
  const plan = driver.all(`EXPLAIN QUERY PLAN ${sql}`).map((row) => String(row["detail"]));
  driver.close();
  expect(plan.join("\n")).toMatch(/SEARCH/);
  expect(plan.join("\n")).not.toMatch(/SCAN|TEMP B-TREE/);
});
