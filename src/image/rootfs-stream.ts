import { spawn } from "node:child_process";
import { PassThrough } from "node:stream";
import { AppError } from "../errors.ts";

/**
 * A tar of the folder as `docker import` wants it: everything root's, readable by all, in a fixed order and with a
 * fixed time, so that the same parts make the same layer. A failure of tar is an error of the stream.
 */
export function streamRootfs(root: string, env: NodeJS.ProcessEnv, signal: AbortSignal): NodeJS.ReadableStream {
  const args = ["--create", "--directory", root, "--sort=name", "--mtime=@0"];
  const owners = ["--owner=0", "--group=0", "--numeric-owner", "--mode=a+rX"];
  const child = spawn("tar", [...args, ...owners, "."], { env, signal, stdio: ["ignore", "pipe", "pipe"] });
  const archive = new PassThrough();
  const said: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  // The archive may end only after tar did well: an engine would take half a file system for a whole one.
  child.stdout.pipe(archive, { end: false });
  child.on("error", (error) => archive.destroy(error));
  child.on("close", (code) => {
    if (code === 0) archive.end();
    else archive.destroy(packFailure(code, Buffer.concat(said).toString("utf8")));
  });
  archive.on("close", () => child.kill());
  return archive;
}

function packFailure(code: number | null, detail: string): AppError {
  const ending = code === null ? "was killed" : `ended with exit code ${code}`;
  return new AppError("IMAGE_BUILD_FAILED", `The local base image could not be packed: tar ${ending}`, { detail });
}
