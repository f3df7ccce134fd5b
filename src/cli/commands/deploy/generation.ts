import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { loadSettings } from "../../../config/load.ts";
import { type AgentSource, bundleAgents, type StoredAgent } from "../../../deploy/bundled-agents.ts";
import { type Generated, generateFiles } from "../../../deploy/generate.ts";
import { invalid, readWorkflow } from "../../../deploy/read-workflow.ts";
import { serverBundle } from "../../../deploy/server-bundle.ts";
import { AppError, systemErrorCode } from "../../../errors.ts";
import type { CommandContext } from "../../context.ts";
import { loadDefinitions } from "../apply/load-definitions.ts";

/** The options that `deploy generate` and `deploy up` share. */
export interface GenerationOptions {
  file: string;
  output: string;
  apiPort: number;
  syncTimeoutMs: number;
  agents?: string;
  name?: string;
  kubernetes: boolean;
  force: boolean;
  check: boolean;
}

/**
 * Validates the workflow and makes the files, in memory.
 *
 * @throws AppError USAGE for a file or directory that cannot be read; DEFINITION_INVALID with every mistake; CONFIG_INVALID.
 */
export async function generateFromOptions(options: GenerationOptions, context: CommandContext): Promise<Generated> {
  const { apiPort, file, kubernetes, name = null, output, syncTimeoutMs } = options;
  if (output.trim() === "") throw new AppError("USAGE", "--output must name a directory");
  const source = await readSource(file, context);
  const { mentions, workflow, warnings } = readWorkflow(source, file);
  warnings.forEach(context.warn);
  const { settings, warnings: settingWarnings } = await loadSettings({
    configFile: context.paths.configFile,
    env: context.env,
  });
  settingWarnings.forEach(context.warn);
  const agents = bundleAgents(mentions, await readAgents(options.agents, context), file);
  const server = serverBundle();
  const input = { source, workflow, agents, server, name, apiPort, syncTimeoutMs, kubernetes };
  return generateFiles({ ...input, llm: settings.llm });
}

async function readSource(file: string, { cwd }: CommandContext): Promise<Buffer> {
  try {
    return await readFile(resolve(cwd, file));
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === null) throw error;
    const reason = code === "ENOENT" ? "does not exist" : `cannot be read (${code})`;
    throw new AppError("USAGE", `The workflow ${file} ${reason}`, { cause: error });
  }
}

/** Every agent of the directory: one with a mistake is told even if no node names it. */
async function readAgents(directory: string | undefined, context: CommandContext): Promise<AgentSource> {
  if (directory === undefined) return { known: null, directory: null };
  const known: { [name: string]: StoredAgent } = {};
  const { documents, issues } = await loadDefinitions([directory], context);
  if (issues.length > 0) throw invalid(directory, issues);
  for (const { definition, kind, name } of documents) {
    // The parsed boundary: the loader has validated it.
    if (kind === "Agent") known[name] = definition as StoredAgent;
  }
  return { known, directory };
}
