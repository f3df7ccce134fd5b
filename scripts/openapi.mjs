/** Writes schemas/docker-runner.openapi.json, which the package holds, from the built docker-runner. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const document = execFileSync(process.execPath, [join(root, "bin/stigmer-docker-runner.js"), "--openapi"]);
writeFileSync(join(root, "schemas/docker-runner.openapi.json"), document);
