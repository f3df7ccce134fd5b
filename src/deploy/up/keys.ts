/** The values that a deployment gets: from one file, only what it uses, and never shown. */
import { join } from "node:path";
import { parseSecrets, readSecrets } from "../../config/secrets.ts";
import { AppError } from "../../errors.ts";
import { readTextIfExists } from "../../platform/files.ts";
import type { Deployment } from "../deployment.ts";
import { serverVariables } from "../server-variables.ts";

export interface KeySources {
  /** `--env-file`, absolute; null when not given. */
  envFile: string | null;
  /** The generated directory, whose `.env` comes next. */
  directory: string;
  /** The home's `secrets.env`, which holds keys of models and tools and no settings of one deployment. */
  secretsFile: string;
}

export interface DeploymentValues {
  /** What no environment may show. */
  secrets: Record<string, string>;
  /** Settings of the server. */
  settings: Record<string, string>;
}

/**
 * @throws AppError CONFIG_INVALID naming a missing key, or a malformed line by its number, never by its content; USAGE for
 *   an `--env-file` that is not there.
 */
export async function readValues(deployment: Deployment, sources: KeySources): Promise<DeploymentValues> {
  const { file, mayHoldSettings, values } = await readFirst(sources);
  const missing = deployment.variables.filter(({ name, required }) => required && !values[name]);
  if (missing.length > 0) throw keysMissing(missing, file, sources);
  const settings = mayHoldSettings ? serverVariables(deployment.syncTimeoutSeconds) : [];
  return {
    secrets: pick(values, [...deployment.variables, ...settings.filter(({ isSecret }) => isSecret === true)]),
    settings: pick(
      values,
      settings.filter(({ isSecret }) => isSecret !== true),
    ),
  };
}

/** KEY="value" lines, as the server reads them. @throws AppError CONFIG_INVALID for a value that no line can hold. */
export function keyFileText(secrets: Record<string, string>): string {
  const lines = Object.entries(secrets).map(([name, value]) => {
    const quoted = value.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n");
    return `${name}="${quoted}"\n`;
  });
  const text = lines.join("");
  const readBack = parseSecrets(text, "the key file");
  const broken = Object.keys(secrets).find((name) => readBack[name] !== secrets[name]);
  if (broken === undefined) return text;
  throw new AppError("CONFIG_INVALID", `${broken} has characters that no line of a key file can hold`);
}

interface FirstFile {
  file: string;
  mayHoldSettings: boolean;
  values: Record<string, string>;
}

async function readFirst({ directory, envFile, secretsFile }: KeySources): Promise<FirstFile> {
  if (envFile !== null) {
    const text = await readTextIfExists(envFile);
    if (text === null) throw new AppError("USAGE", `The file ${envFile} does not exist`);
    return { file: envFile, mayHoldSettings: true, values: parseSecrets(text, envFile) };
  }
  const file = join(directory, ".env");
  const text = await readTextIfExists(file);
  if (text !== null) return { file, mayHoldSettings: true, values: parseSecrets(text, file) };
  return { file: secretsFile, mayHoldSettings: false, values: await readSecrets(secretsFile) };
}

function pick(values: Record<string, string>, wanted: readonly { name: string }[]): Record<string, string> {
  return Object.fromEntries(wanted.flatMap(({ name }) => (values[name] ? [[name, values[name]]] : [])));
}

function keysMissing(missing: Deployment["variables"], file: string, { directory }: KeySources): AppError {
  const names = missing.map(({ name, neededBy }) => `${name} (for ${neededBy})`).join(", ");
  const [first] = missing;
  return new AppError("CONFIG_INVALID", `The workflow needs ${names}, which ${file} does not set`, {
    hint: `Put a line ${first?.name}=… into ${join(directory, ".env")}, or name a file that has it: --env-file FILE`,
  });
}
