import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AppError, systemErrorCode } from "../errors.ts";
import { packageRoot } from "../platform/package.ts";

/** Where `npm run build` puts the one file that serves every deployment. */
const BUNDLE = "dist-serve/server.js";

let bytes: Buffer | undefined;

/** The server of every deployment, read once. @throws AppError IMAGE_BUILD_FAILED when it has not been bundled. */
export function serverBundle(): Uint8Array {
  try {
    bytes ??= readFileSync(join(packageRoot(), BUNDLE));
    return bytes;
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
    throw new AppError("IMAGE_BUILD_FAILED", `The server of deployments has not been bundled: ${BUNDLE} is missing`, {
      hint: "Bundle it first: npm run build",
      actions: [{ label: "Bundle the server", command: "npm run build" }],
      cause: error,
    });
  }
}
