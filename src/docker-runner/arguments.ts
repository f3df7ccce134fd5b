import { readFileSync } from "node:fs";
import { parseArgs, parseEnv } from "node:util";
import { AppError } from "../errors.ts";

export type Order = { print: "help" | "version" | "openapi" } | { envFile: string | null };

export const HELP = `stigmer-docker-runner: containers, execs, logs and events for those who must not have the Docker socket

  --env-file FILE   read settings from a file; the environment wins
  --openapi         print the OpenAPI document
  --version         print the version
  --help            print this

Settings are environment variables; DOCKER_RUNNER_SHARED_SECRET is required. See docs/docker-runner.md.
`;

/** @throws AppError USAGE */
export function readArguments(argv: string[]): Order {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        "env-file": { type: "string" },
        openapi: { type: "boolean" },
        version: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
    if (values.help) return { print: "help" };
    if (values.version) return { print: "version" };
    if (values.openapi) return { print: "openapi" };
    return { envFile: values["env-file"] ?? null };
  } catch (error) {
    throw new AppError("USAGE", error instanceof Error ? error.message : String(error), {
      hint: "See stigmer-docker-runner --help",
    });
  }
}

/** The environment over what a file says. @throws AppError CONFIG_INVALID */
export function mergeEnvironment(envFile: string | null, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (envFile === null) return env;
  try {
    return { ...parseEnv(readFileSync(envFile, "utf8")), ...env };
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new AppError("CONFIG_INVALID", `--env-file: ${envFile} cannot be read: ${cause}`, { cause: error });
  }
}
