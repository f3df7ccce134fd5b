import { expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { toFileError } from "../../../src/platform/file-error.ts";

const systemError = (code: string) => Object.assign(new Error(`${code}: it failed, write`), { code });

test.each([
  ["ENOSPC", "DISK_FULL"],
  ["EDQUOT", "DISK_FULL"],
  ["EACCES", "PERMISSION_DENIED"],
  ["EPERM", "PERMISSION_DENIED"],
  ["EROFS", "PERMISSION_DENIED"],
  ["ENOTDIR", "STATE_DAMAGED"],
  ["EISDIR", "STATE_DAMAGED"],
  ["ENAMETOOLONG", "CONFIG_INVALID"],
  ["ENOENT", "NOT_FOUND"],
])("%s becomes %s, names the path and says what to type", (code, expected) => {
  const error = toFileError(systemError(code), "/home/u/.stigmer/data/daemon.pid");
  expect(error.code).toBe(expected);
  expect(error.message).toContain("/home/u/.stigmer/data/daemon.pid");
  expect(error.hint).not.toBeNull();
  expect(error.detail).toContain(code);
});

test("a path with blanks is quoted where it is to be typed", () => {
  const error = toFileError(systemError("EACCES"), "/home/it's me/x");
  expect(error.actions.map((action) => action.command)).toContain(`sudo chown -R "$(id -un)" '/home/it'\\''s me/x'`);
});

test("an AppError stays what it is, and an unknown error keeps its cause", () => {
  const known = new AppError("STATE_DAMAGED", "x");
  expect(toFileError(known, "/p")).toBe(known);
  const unknown = new TypeError("bug");
  expect(toFileError(unknown, "/p")).toMatchObject({ code: "INTERNAL", cause: unknown });
});
