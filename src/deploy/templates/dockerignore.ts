import type { Deployment } from "../deployment.ts";
import { imageContents } from "./image-contents.ts";

/** Everything is kept out but what the image is made of; what must never get in is named once more, last. */
export function dockerignore(deployment: Deployment): string {
  return `# Only what the image is made of is sent to Docker.
*
${imageContents(deployment)
  .map((name) => `!${name}`)
  .join("\n")}

# Never, whatever is allowed above.
.env
.env.*
.git
data
node_modules
`;
}
