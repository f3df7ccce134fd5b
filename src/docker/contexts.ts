import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** A Docker CLI context that was asked for by name, or why it cannot be used. */
export interface DockerContext {
  name: string;
  host: string | null;
  certificateDirectory: string | null;
  skipVerify: boolean;
  problem: string | null;
}

interface ContextMetadata {
  Endpoints?: { docker?: { Host?: string; SkipTLSVerify?: boolean } };
}

/** The Docker CLI's folder: `$DOCKER_CONFIG`, else `~/.docker`. */
export function dockerConfigDir(env: NodeJS.ProcessEnv, homeDir: string): string {
  return env["DOCKER_CONFIG"] || join(homeDir, ".docker");
}

/**
 * The context that the Docker CLI would use, null when that is the default one. `DOCKER_CONTEXT` beats config.json.
 * A context that is named but missing or damaged comes back with its `problem`: falling back would use another engine
 * than the one that was chosen.
 */
export async function selectContext(env: NodeJS.ProcessEnv, configDir: string): Promise<DockerContext | null> {
  const name = env["DOCKER_CONTEXT"] || (await readCurrentContext(join(configDir, "config.json")));
  if (!name || name === "default") return null;
  // The CLI's store names folders by the digest of the context's name, so that any name is a legal folder.
  const digest = createHash("sha256").update(name).digest("hex");
  const file = join(configDir, "contexts", "meta", digest, "meta.json");
  const certificates = join(configDir, "contexts", "tls", digest, "docker");
  const context = { name, certificateDirectory: existsSync(certificates) ? certificates : null };
  try {
    const metadata = JSON.parse(await readFile(file, "utf8")) as ContextMetadata;
    const docker = metadata.Endpoints?.docker;
    const host = docker?.Host ?? null;
    const problem = host === null ? `${file} names no Docker endpoint` : null;
    return { ...context, host, skipVerify: docker?.SkipTLSVerify ?? false, problem };
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    const problem = missing ? "there is no such context" : `${file} cannot be read`;
    return { ...context, host: null, skipVerify: false, problem };
  }
}

async function readCurrentContext(configFile: string): Promise<string | null> {
  try {
    const config = JSON.parse(await readFile(configFile, "utf8")) as { currentContext?: unknown };
    return typeof config.currentContext === "string" ? config.currentContext : null;
  } catch {
    return null; // No config, or one that the Docker CLI cannot read either: it then uses the default context too.
  }
}
