import { randomInt } from "node:crypto";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureBuild } from "./build-stamp.mjs";
import { ensureEngine, ensureImage } from "./engine-and-image.mjs";
import { ensurePackages } from "./packages.mjs";
import { runCommand } from "./run-command.mjs";
import { StepError } from "./step-error.mjs";
import { ensureTestTools } from "./test-tools.mjs";

const USAGE = "Usage: npm run reliability -- [--row NAME]... [--size small|full] [--seed N] [--runs N]";

/**
 * @param {string} root the repository
 * @param {string[]} values the command line's
 * @returns {Promise<number>} the exit code
 */
export async function runReliability(root, values) {
  const { rows, size, seed, runs } = parseFlags(values);
  await ensurePackages(root);
  await ensureBuild(root);
  await ensureTestTools(root);
  // A home of its own: nobody's settings decide how the image is built.
  const stigmer = { root, globals: ["--home", join(root, ".cache", "test-home")] };
  const problem = await ensureEngine(stigmer, { mayInstall: true });
  if (problem !== null) throw new StepError(`The fault matrix needs a Docker engine: ${problem}`);
  await ensureImage(stigmer);

  const isWhole = rows.length === 0 && runs === null && size === "full";
  const order = { size, seed, rows, runs, report: isWhole ? join(root, "docs", "reliability.md") : null };
  console.log(`\nseed ${seed}, size ${size}`);
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const config = join(root, "test", "reliability", "vitest.config.ts");
  const { code } = await runCommand(process.execPath, [vitest, "run", "--config", config], {
    cwd: root,
    env: { ...process.env, RELIABILITY_ORDER: JSON.stringify(order) },
    output: "show",
    ownGroup: true,
  });
  if (order.report !== null) console.log(`written: ${order.report}`);
  return code ?? 1;
}

/** @param {string[]} values */
function parseFlags(values) {
  try {
    const {
      row = [],
      size = "full",
      seed,
      runs,
    } = parseArgs({
      args: values,
      options: {
        row: { type: "string", multiple: true },
        size: { type: "string" },
        seed: { type: "string" },
        runs: { type: "string" },
      },
    }).values;
    if (size !== "small" && size !== "full") throw new Error(`--size is small or full, not ${size}`);
    return {
      rows: row,
      size,
      seed: wholeNumber("--seed", seed) ?? randomInt(1_000_000),
      runs: wholeNumber("--runs", runs),
    };
  } catch (error) {
    throw new StepError(`${error instanceof Error ? error.message : error}\n${USAGE}`, 2);
  }
}

/**
 * @param {string} flag
 * @param {string | undefined} text
 */
function wholeNumber(flag, text) {
  if (text === undefined) return null;
  if (!/^\d{1,9}$/.test(text)) throw new Error(`${flag} takes a whole number, not ${text}`);
  return Number(text);
}
