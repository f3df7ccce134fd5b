import { expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { toStoreError } from "../../../src/store/database-error.ts";

const FILE = "/home/x/data/stigmer.db";

test.for([
  ["SQLITE_CORRUPT", "STATE_DAMAGED"],
  ["SQLITE_CORRUPT_INDEX", "STATE_DAMAGED"],
  ["SQLITE_NOTADB", "STATE_DAMAGED"],
  ["SQLITE_FULL", "DISK_FULL"],
  ["SQLITE_IOERR_SHMSIZE", "DISK_FULL"],
  ["SQLITE_READONLY", "PERMISSION_DENIED"],
  ["SQLITE_CANTOPEN", "PERMISSION_DENIED"],
] as const)("%s is %s", ([code, expected]) => {
  const error = toStoreError(Object.assign(new Error("x"), { code }), FILE);
  expect(error).toMatchObject({ code: expected, message: expect.stringContaining(FILE) });
});

test("what SQLite did not say is passed on as it is", () => {
  const error = new Error("a bug");
  expect(toStoreError(error, FILE)).toBe(error);
  const known = new AppError("USAGE", "x");
  expect(toStoreError(known, FILE)).toBe(known);
});
