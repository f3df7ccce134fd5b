import { stringify } from "yaml";

/**
 * A definition as YAML, without a newline at the end. Loaded on demand through this file: the bundler gives a dynamic
 * import of the package itself no named exports.
 */
export function renderYaml(value: unknown): string {
  return stringify(value).trimEnd();
}
