import { cp, mkdir, writeFile } from "node:fs/promises";
import { packageRoot } from "../../src/platform/package.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** A package with the real Dockerfile and a bundle of a few lines, in a folder of one test's own. */
export async function runnerPackage(main = "console.log('a bundle for tests');\n") {
  const directory = await temporaryDirectory();
  await mkdir(directory.file("agent-runner/dist"), { recursive: true });
  await cp(`${packageRoot()}/agent-runner/Dockerfile`, directory.file("agent-runner/Dockerfile"));
  await writeFile(directory.file("agent-runner/dist/main.js"), main);
  return directory;
}
