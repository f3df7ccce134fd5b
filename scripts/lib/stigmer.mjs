import { join } from "node:path";
import { lastLines, runCommand } from "./run-command.mjs";
import { StepError } from "./step-error.mjs";

/**
 * The built command line, run as a user would.
 *
 * @typedef {object} Stigmer
 * @property {string} root the repository
 * @property {string[]} globals flags for every call, as `--home DIR`
 */

/** @typedef {{ code: string, message: string, hint: string | null }} CommandError */

/**
 * @param {Stigmer} stigmer
 * @param {string[]} values
 * @returns {Promise<{ data: Record<string, unknown>, error: null } | { data: null, error: CommandError }>}
 */
export async function askStigmer(stigmer, values) {
  const outcome = await runCommand(process.execPath, [entry(stigmer), ...values, ...stigmer.globals, "--json"], {
    cwd: stigmer.root,
  });
  try {
    const { data, error } = JSON.parse(outcome.stdout);
    return error === null ? { data, error } : { data: null, error };
  } catch {
    const said = lastLines(outcome.stdout + outcome.stderr, 20);
    throw new StepError(`stigmer ${values.join(" ")} ended with code ${outcome.code}\n${said}`);
  }
}

/**
 * Runs a command with its output on the terminal; any end but success ends the script with the same code.
 *
 * @param {Stigmer} stigmer
 * @param {string[]} values
 */
export async function showStigmer(stigmer, values) {
  const program = [entry(stigmer), ...values, ...stigmer.globals];
  const { code } = await runCommand(process.execPath, program, { cwd: stigmer.root, output: "show" });
  if (code !== 0) throw new StepError(`stigmer ${values.join(" ")} ended with code ${code}`, code ?? 1);
}

/** @param {Stigmer} stigmer */
function entry({ root }) {
  return join(root, "bin", "stigmer.js");
}
