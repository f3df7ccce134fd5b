import { lstat } from "node:fs/promises";
import { release } from "node:os";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { tarFiles } from "../../../docker/archive.ts";
import { AppError } from "../../../errors.ts";
import { readTextIfExists, writeFileAtomic } from "../../../platform/files.ts";
import { packageVersion } from "../../../platform/package.ts";
import type { CommandContext } from "../../context.ts";
import type { Examination } from "./examine.ts";
import { readLogTails } from "./log-tails.ts";
import { createMask, type Mask } from "./mask.ts";

/** @throws AppError USAGE when something is there already: a report for a bug must not cost a file. */
export async function requireNewFile(file: string, cwd: string): Promise<void> {
  const path = resolve(cwd, file);
  const existing = await lstat(path).catch(() => null); // What cannot be looked at fails when it is written.
  if (existing !== null)
    throw new AppError("USAGE", `${path} exists already`, { hint: "Name a new file for the bundle" });
}

/**
 * Writes what a bug report needs into one file: a tar archive compressed by gzip when its name ends in `.gz` or `.tgz`,
 * else one JSON document. Every secret that is known is masked wherever it occurs; `run/token` is not in it.
 * @returns the absolute path
 */
export async function writeBundle(file: string, examination: Examination, context: CommandContext): Promise<string> {
  const path = resolve(context.cwd, file);
  const files = await collect(examination, context);
  const content = /\.(?:tgz|gz)$/.test(path) ? await promisify(gzip)(archive(files)) : printJson(files);
  await writeFileAtomic(path, content);
  return path;
}

async function collect(examination: Examination, context: CommandContext): Promise<Map<string, string>> {
  const { paths, env } = context;
  const mask = await maskFor(context);
  const logs = await readLogTails(paths.logsDir);
  const files = new Map<string, string>();
  const add = (name: string, value: unknown): void => {
    files.set(name, `${JSON.stringify(maskDeep(value, mask), null, 2)}\n`);
  };
  add("versions.json", {
    stigmer: packageVersion(),
    node: process.versions.node,
    platform: process.platform,
    architecture: process.arch,
    release: release(),
  });
  add("doctor.json", examination.checks);
  add("settings.json", examination.settings);
  add("status.json", examination.status);
  // Names alone: what a value means is told by the settings.
  add(
    "variables.json",
    Object.keys(env)
      .filter((name) => /^(?:STIGMER_|DOCKER_|NODE_)/.test(name))
      .sort(),
  );
  const config = await readTextIfExists(paths.configFile).catch(
    (error: unknown) => `# cannot be read: ${String(error)}\n`,
  );
  if (config !== null) files.set("config.yaml", mask(config));
  for (const [name, text] of logs) files.set(`logs/${name}`, mask(text));
  return files;
}

/** Unreadable secrets must not go unmasked, so this throws then. */
async function maskFor({ paths, env }: CommandContext): Promise<Mask> {
  const [secretsText, ...others] = await Promise.all(
    [paths.secretsFile, paths.tokenFile, paths.dockerRunnerSecretFile].map((file) => readTextIfExists(file)),
  );
  return createMask({ secretsText: secretsText ?? "", env, others: others.map((text) => text?.trim() ?? "") });
}

/** Strings one by one: masked after printing, a short secret could break the JSON around it. */
function maskDeep(value: unknown, mask: Mask): unknown {
  if (typeof value === "string") return mask(value);
  if (Array.isArray(value)) return value.map((item: unknown) => maskDeep(item, mask));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, maskDeep(inner, mask)]));
}

function archive(files: Map<string, string>): Buffer {
  const mtime = Math.floor(Date.now() / 1_000);
  const entries = [...files].map(([name, content]) => ({
    path: `stigmer-report/${name}`,
    content,
    mode: 0o600,
    uid: 0,
    gid: 0,
    mtime,
  }));
  return tarFiles(entries);
}

function printJson(files: Map<string, string>): string {
  const parts = [...files].map(([name, text]): [string, unknown] => [
    name,
    name.endsWith(".json") ? JSON.parse(text) : text,
  ]);
  return `${JSON.stringify(Object.fromEntries(parts), null, 2)}\n`;
}
