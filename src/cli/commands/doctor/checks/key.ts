import { readSecrets } from "../../../../config/secrets.ts";
import { quoteForShell } from "../../../../platform/shell-quote.ts";
import { type Check, type DoctorFacts, pass, skip, warn } from "../check.ts";
import { configuredModel } from "./model.ts";

/** The key of the configured provider is there. */
export async function checkKey({
  settings,
  paths,
  env,
}: Pick<DoctorFacts, "settings" | "paths" | "env">): Promise<Check> {
  if (settings === null) return skip("key", "the configuration is invalid");
  const { provider, keyVariable } = configuredModel(settings);
  if (keyVariable === null) return skip("key", `${provider} needs none`);
  if (env[keyVariable]) return pass("key", `${keyVariable} is set in the environment`);
  const secrets = await readSecrets(paths.secretsFile).catch(() => null); // The check `secrets` says what is wrong.
  if (secrets?.[keyVariable]) return pass("key", `${keyVariable} is in secrets.env`);
  const hint = `Add a line ${keyVariable}=… to ${quoteForShell(paths.secretsFile)}`;
  return warn("key", `${provider} needs ${keyVariable}, which is not set`, hint);
}
