/** Every variable that the search for an engine reads, but for those that a clean environment has anyway. */
const NAMES = [
  "DOCKER_HOST",
  "DOCKER_CONTEXT",
  "DOCKER_CONFIG",
  "DOCKER_CERT_PATH",
  "DOCKER_TLS",
  "DOCKER_TLS_VERIFY",
  "XDG_RUNTIME_DIR",
  "XDG_CONFIG_HOME",
  "COLIMA_HOME",
  "COLIMA_PROFILE",
  "LIMA_HOME",
] as const;

/** What a child needs of this environment to find the same engine. */
export function discoveryVariables(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    NAMES.flatMap((name): [string, string][] => {
      const value = env[name];
      return value === undefined || value === "" ? [] : [[name, value]];
    }),
  );
}
