import { readSecrets, secretsModeWarning } from "../../../../config/secrets.ts";
import { type Check, type DoctorFacts, pass, skip, warn } from "../check.ts";

/** `secrets.env` can be read, by its owner only. */
export async function checkSecrets({ paths }: DoctorFacts): Promise<Check> {
  const names = Object.keys(await readSecrets(paths.secretsFile));
  const exposed = await secretsModeWarning(paths.secretsFile);
  if (exposed !== null) return warn("secrets", exposed, null);
  return names.length === 0
    ? skip("secrets", "secrets.env holds none")
    : pass("secrets", `secrets.env holds ${names.join(", ")}`);
}
