import { spawn } from "node:child_process";
import { interruption } from "./interruption.mjs";
import { StepError } from "./step-error.mjs";

/**
 * @typedef {object} Outcome
 * @property {number | null} code null when a signal ended it
 * @property {string} stdout
 * @property {string} stderr
 */

/**
 * @typedef {object} Options
 * @property {string} cwd
 * @property {NodeJS.ProcessEnv} [env]
 * @property {"capture" | "show"} [output] `show` passes everything on to the terminal; the default is `capture`
 * @property {boolean} [ownGroup] the terminal's Ctrl-C reaches only the program itself, not its children
 * @property {number} [timeoutMs] after which it is killed, with `ownGroup` its children as well
 */

/**
 * Runs a program to its end. When the script is interrupted the program is told, waited for, and nothing follows.
 *
 * @param {string} program
 * @param {string[]} values
 * @param {Options} options
 * @returns {Promise<Outcome>}
 */
export async function runCommand(program, values, options) {
  interruption.throwIfAborted();
  const { cwd, env = process.env, output = "capture", ownGroup = false, timeoutMs } = options;
  const stream = output === "show" ? "inherit" : "pipe";
  const child = spawn(program, values, { cwd, env, detached: ownGroup, stdio: ["ignore", stream, stream] });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const forward = () => child.kill(interruption.reason.exitCode === 130 ? "SIGINT" : "SIGTERM");
  interruption.addEventListener("abort", forward);
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => kill(child, ownGroup), timeoutMs);
  try {
    const code = await ending(child);
    interruption.throwIfAborted();
    return { code, stdout: stdout.join(""), stderr: stderr.join("") };
  } finally {
    clearTimeout(timer);
    interruption.removeEventListener("abort", forward);
  }
}

/**
 * As {@link runCommand}, but any end except success is an error that shows what the program printed last.
 *
 * @param {string} program
 * @param {string[]} values
 * @param {Options} options
 */
export async function mustRun(program, values, options) {
  const outcome = await runCommand(program, values, options);
  if (outcome.code === 0) return outcome;
  const command = [program, ...values].join(" ");
  throw new StepError(`${command} ended with code ${outcome.code}:\n${lastLines(outcome.stdout + outcome.stderr, 20)}`);
}

/**
 * @param {string} text
 * @param {number} count
 */
export function lastLines(text, count) {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<number | null>}
 */
function ending(child) {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(new StepError(`cannot run ${child.spawnfile}: ${error.message}`)));
    child.once("close", (code) => resolve(code));
  });
}

/**
 * @param {import("node:stream").Readable | null} stream
 * @returns {string[]} grows as the stream is read
 */
function collect(stream) {
  /** @type {string[]} */
  const pieces = [];
  stream?.setEncoding("utf8").on("data", (piece) => pieces.push(piece));
  return pieces;
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @param {boolean} wholeGroup
 */
function kill(child, wholeGroup) {
  if (child.pid === undefined) return;
  try {
    process.kill(wholeGroup ? -child.pid : child.pid, "SIGKILL");
  } catch {
    // It ended at this very moment, which is what was wanted.
  }
}
