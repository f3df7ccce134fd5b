import { join, resolve } from "node:path";
import type { Generated } from "../../../deploy/generate.ts";
import { readValues } from "../../../deploy/up/keys.ts";
import { deploymentStatus } from "../../../deploy/up/status.ts";
import { up } from "../../../deploy/up/up.ts";
import { isUpToDate } from "../../../deploy/write/plan.ts";
import { AppError } from "../../../errors.ts";
import { withLock } from "../../../platform/lock.ts";
import type { CommandContext, CommandHandler } from "../../context.ts";
import { connectForDeployment } from "./connect.ts";
import { checkOutput, outOfDate, writeOutput } from "./generate.ts";
import { type GenerationOptions, generateFromOptions } from "./generation.ts";

export interface DeployUpOptions extends GenerationOptions {
  envFile?: string;
}

/** How long a container may take until it is healthy. */
const HEALTHY_MS = 60_000;
/** Another `up` of the same deployment is waited for that long. */
const LOCK_MS = 60_000;

/** `stigmer deploy up`: validate, generate, build, run, wait until healthy, print the URL. */
export const handle: CommandHandler<DeployUpOptions> = async (options, context) => {
  const generated = await generateFromOptions(options, context);
  const directory = resolve(context.cwd, options.output);
  const values = await readValues(generated.deployment, {
    envFile: options.envFile === undefined ? null : resolve(context.cwd, options.envFile),
    directory,
    secretsFile: context.paths.secretsFile,
  });
  if (options.check) await requireUpToDate(options, generated, context);
  const writeDirectory = async () => {
    if (!options.check) await writeOutput(options, generated.files, context);
  };
  const { env, progress, signal } = context;
  const engine = await connectForDeployment({ env, signal });
  const { name } = generated.deployment;
  const status = await withDeploymentLock(name, context, async () => {
    await up({ engine, generated, directory, values, timeoutMs: HEALTHY_MS, env, writeDirectory, progress, signal });
    return await deploymentStatus(engine, name);
  });
  return { data: status, text: `${name} is ${status.state}: ${status.url}` };
};

/** Two runs for one deployment would take each other's containers for leftovers. */
export async function withDeploymentLock<T>(
  name: string,
  { paths, signal }: CommandContext,
  work: () => Promise<T>,
): Promise<T> {
  const lock = { what: `the deployment of ${name}`, timeoutMs: LOCK_MS, signal };
  return await withLock(join(paths.runDir, `deploy-${name}.lock`), work, lock);
}

/** With `--check` nothing is written, and nothing that is out of date is run. */
async function requireUpToDate(options: DeployUpOptions, { files }: Generated, context: CommandContext): Promise<void> {
  const plan = await checkOutput(options, files, context);
  if (isUpToDate(plan)) return;
  throw new AppError("VERSION_MISMATCH", `${options.output} is out of date: ${outOfDate(plan).join(", ")}`, {
    hint: "Without --check it is brought up to date first",
  });
}
