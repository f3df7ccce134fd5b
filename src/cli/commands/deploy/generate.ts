import { resolve } from "node:path";
import { isUpToDate, type WritePlan } from "../../../deploy/write/plan.ts";
import { check, write } from "../../../deploy/write/write.ts";
import type { CommandContext, CommandHandler, CommandResult } from "../../context.ts";
import { type GenerationOptions, generateFromOptions } from "./generation.ts";

/** `stigmer deploy generate`: the files of a deployment, or with `--check` whether they are up to date. */
export const handle: CommandHandler<GenerationOptions> = async (options, context) => {
  const startMs = performance.now();
  const { files } = await generateFromOptions(options, context);
  const plan = options.check ? await checkOutput(options, files, context) : await writeOutput(options, files, context);
  const durationMs = Math.round((performance.now() - startMs) * 10) / 10;
  const data = {
    directory: resolve(context.cwd, options.output),
    files: [...files.keys()],
    kept: plan.kept,
    durationMs,
  };
  if (!options.check) return { data, text: writtenText(options.output, plan) };
  return checkResult(options.output, plan, { ...data, outOfDate: outOfDate(plan) });
};

/** Writes the directory and tells what was kept. */
export async function writeOutput(
  { force, output }: GenerationOptions,
  files: ReadonlyMap<string, Uint8Array>,
  context: CommandContext,
): Promise<WritePlan> {
  const plan = await write(resolve(context.cwd, output), files, { force });
  tellKept(plan, context);
  return plan;
}

/** Says what {@link writeOutput} would do. */
export async function checkOutput(
  { force, output }: GenerationOptions,
  files: ReadonlyMap<string, Uint8Array>,
  context: CommandContext,
): Promise<WritePlan> {
  const plan = await check(resolve(context.cwd, output), files, { force });
  tellKept(plan, context);
  return plan;
}

function tellKept({ kept }: WritePlan, { warn }: CommandContext): void {
  for (const path of kept) warn(`${path} was changed by hand and is kept; --force overwrites it`);
}

function writtenText(output: string, { remove, write }: WritePlan): string {
  if (write.length + remove.length === 0) return `${output} is up to date`;
  const written = `${write.length} ${write.length === 1 ? "file" : "files"}`;
  return `Wrote ${written} to ${output}${remove.length === 0 ? "" : `, removed ${remove.join(", ")}`}`;
}

/** Paths that a generation would change. */
export function outOfDate({ blocked, remove, write }: WritePlan): string[] {
  return [...write, ...remove, ...blocked.map(({ path }) => path)];
}

function checkResult(output: string, plan: WritePlan, data: object): CommandResult {
  if (isUpToDate(plan)) return { data, text: `${output} is up to date` };
  const lines = outOfDate(plan).map((path) => `  ${path}`);
  return { data, text: [`${output} is out of date:`, ...lines].join("\n"), exitCode: 1 };
}
