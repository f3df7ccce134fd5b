import { catchSignals } from "./interruption.mjs";
import { StepError } from "./step-error.mjs";

/**
 * The steps of a script, one line each: what was done, how it ended, how long it took. A step that goes on for a while
 * says so when it begins, so that nobody watches an empty screen.
 */

const NAME_WIDTH = 10;

/**
 * @template Result
 * @param {string} name one word
 * @param {(say: (outcome: string) => void) => Promise<Result>} work calls `say` with how it ended
 * @returns {Promise<Result>}
 */
export async function step(name, work) {
  const startMs = performance.now();
  let outcome = "done";
  try {
    const result = await work((text) => {
      outcome = text;
    });
    printLine(name, outcome, startMs);
    return result;
  } catch (error) {
    printLine(name, "failed", startMs);
    throw error;
  }
}

/**
 * A line within a step that takes long: what is being done now.
 *
 * @param {string} name
 * @param {string} text
 */
export function announce(name, text) {
  console.log(`${name.padEnd(NAME_WIDTH)} ${text} …`);
}

/**
 * Runs a script's main function and turns its end into an exit code.
 *
 * @param {() => Promise<number>} main returns the exit code
 */
export async function runScript(main) {
  catchSignals();
  try {
    process.exitCode = await main();
  } catch (error) {
    process.exitCode = error instanceof StepError ? error.exitCode : 1;
    console.error(error instanceof StepError ? `\n${error.message}` : error);
  }
}

/**
 * @param {string} name
 * @param {string} outcome
 * @param {number} startMs
 */
function printLine(name, outcome, startMs) {
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${name.padEnd(NAME_WIDTH)} ${outcome} (${seconds} s)`);
}
