import type { Deployment } from "../deployment.ts";

/** One `KEY=` line for each variable that the workflow uses, and no other. */
export function envExample({ variables }: Deployment): string {
  if (variables.length === 0) return "# This workflow needs no key.\n";
  const lines = variables.map(
    ({ name, neededBy, required }) => `# Read by ${neededBy}${required ? "" : "; may stay empty"}.\n${name}=\n`,
  );
  return `# Copy to .env and fill in. A .env is never part of the image.\n\n${lines.join("\n")}`;
}
