import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** What the Engine API takes in `X-Registry-Auth`, before encoding. */
interface RegistryCredentials {
  username?: string;
  password?: string;
  identitytoken?: string;
  serveraddress?: string;
}

export interface CredentialSources {
  /** The Docker CLI's folder. */
  configDir: string;
  env: NodeJS.ProcessEnv;
}

interface DockerConfig {
  auths?: Record<string, { auth?: string; identitytoken?: string }>;
  credHelpers?: Record<string, string>;
  credsStore?: string;
}

/** Docker Hub's key in config.json and in credential helpers. */
const HUB_KEY = "https://index.docker.io/v1/";
const HELPER_TIMEOUT_MS = 10_000;

/**
 * The header that pulls and pushes carry: the credentials that `docker login` stored for this registry, else an empty
 * object, which the engine wants even of anonymous pushes.
 */
export async function registryAuthHeader(registry: string, sources: CredentialSources): Promise<string> {
  const credentials = await findCredentials(registry, sources);
  return Buffer.from(JSON.stringify(credentials ?? {})).toString("base64url");
}

/** A helper beats config.json's own entry, as in the Docker CLI; null is anonymous. */
async function findCredentials(
  registry: string,
  { configDir, env }: CredentialSources,
): Promise<RegistryCredentials | null> {
  const config = await readConfig(join(configDir, "config.json"));
  const keys = registry === "docker.io" ? [HUB_KEY, "docker.io", "index.docker.io"] : [registry, `https://${registry}`];
  for (const key of keys) {
    const helper = config.credHelpers?.[key] ?? config.credsStore;
    const credentials = (helper && (await askHelper(helper, key, env))) || fromEntry(key, config.auths?.[key]);
    if (credentials) return credentials;
  }
  return null;
}

async function readConfig(file: string): Promise<DockerConfig> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as DockerConfig;
  } catch {
    return {}; // No login was ever stored, or the file is one that the Docker CLI cannot read either: anonymous.
  }
}

function fromEntry(serveraddress: string, entry: { auth?: string; identitytoken?: string } | undefined) {
  if (entry?.identitytoken) return { identitytoken: entry.identitytoken, serveraddress };
  if (!entry?.auth) return null;
  const [username = "", ...password] = Buffer.from(entry.auth, "base64").toString().split(":");
  return { username, password: password.join(":"), serveraddress };
}

/** Speaks the protocol of `docker-credential-<helper> get`: the key on standard input, JSON on standard output. */
function askHelper(helper: string, key: string, env: NodeJS.ProcessEnv): Promise<RegistryCredentials | null> {
  return new Promise((resolve) => {
    const options = { env, timeout: HELPER_TIMEOUT_MS };
    const child = execFile(`docker-credential-${helper}`, ["get"], options, (error, stdout) => {
      // No such program, or no login kept there: both mean anonymous, and the registry's refusal will tell.
      resolve(error ? null : readHelperAnswer(stdout, key));
    });
    child.stdin?.on("error", () => {}); // A helper that does not read its input still has an answer or an exit code.
    child.stdin?.end(key);
  });
}

function readHelperAnswer(stdout: string, serveraddress: string): RegistryCredentials | null {
  try {
    const { Username, Secret } = JSON.parse(stdout) as { Username: string; Secret: string };
    if (Username === "<token>") return { identitytoken: Secret, serveraddress };
    return { username: Username, password: Secret, serveraddress };
  } catch {
    return null; // A helper that answers something else has no credentials for us.
  }
}
