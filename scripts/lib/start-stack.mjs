import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { ensureBuild } from "./build-stamp.mjs";
import { ensureEngine, ensureImage } from "./engine-and-image.mjs";
import { ensurePackages } from "./packages.mjs";
import { StepError } from "./step-error.mjs";
import { step } from "./steps.mjs";
import { askStigmer, showStigmer } from "./stigmer.mjs";

/**
 * @param {string} root the repository
 * @param {string[]} values the command line's
 * @returns {Promise<number>} the exit code
 */
export async function startStack(root, values) {
  const flags = parseFlags(values);
  const stigmer = { root, globals: flags.home === undefined ? [] : ["--home", resolve(flags.home)] };

  await ensurePackages(root);
  await ensureBuild(root);
  const runtime = await chooseRuntime(stigmer, !(flags["no-install"] || npmTookNoInstall()));
  if (runtime === "docker") await ensureImage(stigmer);

  await step("server", () => showStigmer(stigmer, ["server", "start", "--runtime", runtime]));
  await step("examples", () => showStigmer(stigmer, ["apply", "-f", "examples"]));
  await step("hello", () => showStigmer(stigmer, ["run", "--agent", "hello"]));
  await showStigmer(stigmer, ["server", "status"]);
  printNextSteps(stigmer.globals);
  return 0;
}

/**
 * The agent-runner runs in Docker unless the configuration says otherwise or there is no engine to be had.
 *
 * @param {import("./stigmer.mjs").Stigmer} stigmer
 * @param {boolean} mayInstall
 */
async function chooseRuntime(stigmer, mayInstall) {
  const { data, error } = await askStigmer(stigmer, ["config", "get", "agent_runner.runtime"]);
  if (error !== null) throw new StepError([error.message, error.hint].filter(Boolean).join("\n"), 2);
  if (data["value"] === "process") return "process";
  const problem = await ensureEngine(stigmer, { mayInstall });
  if (problem === null) return "docker";
  console.log("No Docker engine to be had: the agent-runner runs as a process of this machine (--runtime process).");
  return "process";
}

/** @param {string[]} values */
function parseFlags(values) {
  try {
    return parseArgs({ args: values, options: { "no-install": { type: "boolean" }, home: { type: "string" } } }).values;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new StepError(`${message}\nUsage: npm start -- [--no-install] [--home DIR]`, 2);
  }
}

/** `npm start --no-install`, without the `--` before it, hands the flag to npm, which puts it into the environment. */
function npmTookNoInstall() {
  return ["", "false"].includes(process.env["npm_config_install"] ?? "true");
}

/** @param {string[]} globals */
function printNextSteps(globals) {
  const flags = globals.map((value) => (/^[\w./-]+$/.test(value) ? ` ${value}` : ` '${value}'`)).join("");
  const next = [
    [`run --agent hello -m "Good morning"${flags}`, "run an agent"],
    [`run --workflow fork-join${flags}`, "run a workflow"],
    [`server logs -f${flags}`, "watch what the stack does"],
    [`server stop${flags}`, "end it"],
    ["--help", "everything else"],
  ];
  console.log("\nThe stack is up. What to type next:");
  for (const [command, meaning] of next) console.log(`  node bin/stigmer.js ${command}   # ${meaning}`);
  console.log("`npm link` makes that plain `stigmer`.");
}
