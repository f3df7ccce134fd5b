/** An environment as the engine takes it, of a map or of `KEY=value` texts. */
export function toEnvironmentList(env: Record<string, string> | string[]): string[] {
  return Array.isArray(env) ? env : Object.entries(env).map(([name, value]) => `${name}=${value}`);
}
