import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { AppError, systemErrorCode } from "../../../../errors.ts";
import { toFileError } from "../../../../platform/file-error.ts";
import { quoteForShell } from "../../../../platform/shell-quote.ts";
import { type Check, type DoctorFacts, pass, warn } from "../check.ts";

/** The home can be written, or made, and nobody else can look into it. Writes nothing. */
export async function checkHome({ paths }: DoctorFacts): Promise<Check> {
  const { home } = paths;
  const there = await nearestExisting(home);
  try {
    await access(there, constants.W_OK | constants.X_OK);
    if (!(await stat(there)).isDirectory()) throw new AppError("STATE_DAMAGED", `${there} is not a folder`);
  } catch (error) {
    throw toFileError(error, there);
  }
  if (there !== home) return pass("home", `${home} does not exist yet; the first start makes it`);
  const { mode } = await stat(home);
  if ((mode & 0o077) === 0) return pass("home", `${home} can be written, by its owner only`);
  const octal = (mode & 0o777).toString(8).padStart(4, "0");
  return warn("home", `${home} has mode ${octal}: others can look into it`, `chmod 700 ${quoteForShell(home)}`);
}

async function nearestExisting(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT" || dirname(path) === path) throw toFileError(error, path);
    return nearestExisting(dirname(path));
  }
}
