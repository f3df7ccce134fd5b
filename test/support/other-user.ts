import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** The user and group `nobody` of Debian; any number without rights does. */
export const NOBODY = 65534;

/** Root passes every permission bit, so what a user may not do is tried as one. Returns the JSON that the program prints. */
export async function runAs(uid: number, program: string, args: string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args], {
    uid,
    gid: uid,
    env: { PATH: process.env["PATH"] },
    timeout: 20_000,
  });
  return JSON.parse(stdout);
}
