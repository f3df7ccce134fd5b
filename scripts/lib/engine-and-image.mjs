import { bringUpEngine, whyNoEngineCanBeStarted } from "./docker-engine.mjs";
import { interruption } from "./interruption.mjs";
import { StepError } from "./step-error.mjs";
import { announce, step } from "./steps.mjs";
import { askStigmer, showStigmer } from "./stigmer.mjs";

/** @typedef {import("./stigmer.mjs").Stigmer} Stigmer */

/** Answers of the command line that a Docker engine of one's own would cure. */
const NO_ENGINE = ["DOCKER_NOT_INSTALLED", "DOCKER_NOT_RUNNING"];

/**
 * Finds a Docker engine as the command line does, or brings one up.
 *
 * @param {Stigmer} stigmer
 * @param {{ mayInstall: boolean }} options
 * @returns {Promise<string | null>} null when there is one, else why not
 */
export function ensureEngine(stigmer, { mayInstall }) {
  return step("docker", async (say) => {
    const problem = await findProblem(stigmer);
    if (problem === null) {
      say("an engine answers");
      return null;
    }
    const obstacle = mayInstall ? whyNoEngineCanBeStarted() : "--no-install was given";
    if (!NO_ENGINE.includes(problem.code) || obstacle !== null) {
      const reason = NO_ENGINE.includes(problem.code) ? `${problem.message} (${obstacle})` : problem.message;
      say(`none: ${reason}`);
      return reason;
    }
    try {
      say(await bringUpEngine(stigmer.root));
    } catch (error) {
      if (!(error instanceof StepError) || interruption.aborted) throw error;
      say("none: it could not be brought up");
      console.error(error.message);
      return error.message.split("\n")[0] ?? "";
    }
    return (await findProblem(stigmer))?.message ?? null;
  });
}

/**
 * Builds the image of the agent-runner when it is missing or older than its sources.
 *
 * @param {Stigmer} stigmer
 */
export function ensureImage(stigmer) {
  return step("image", async (say) => {
    const { data, error } = await askStigmer(stigmer, ["image", "status"]);
    if (data?.["current"] === true) return say("up to date");
    if (error !== null && error.code !== "IMAGE_MISSING") throw new StepError(error.message);
    announce("image", "building");
    await showStigmer(stigmer, ["image", "build"]);
    say("built");
  });
}

/** @param {Stigmer} stigmer */
async function findProblem(stigmer) {
  const { error } = await askStigmer(stigmer, ["image", "status"]);
  return error?.code.startsWith("DOCKER_") ? error : null;
}
