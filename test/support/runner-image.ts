import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";

const BASE = "stigmer-agent-runner:local";

/** An image made from the agent-runner's by some Dockerfile lines. Its tag is gone when the test is over. */
export async function imageFrom(name: string, ...lines: string[]): Promise<AsyncDisposable & { tag: string }> {
  const tag = `e2e-${name}-${process.pid}:test`;
  const build = spawn("docker", ["build", "--quiet", "--force-rm", "-t", tag, "-"], { stdio: "pipe" });
  build.stdin.end(`${[`FROM ${BASE}`, ...lines].join("\n")}\n`);
  build.stdout.resume();
  const [stderr, [exitCode]] = await Promise.all([text(build.stderr), once(build, "close")]);
  if (exitCode !== 0) throw new Error(`docker build of ${tag} failed: ${stderr}`);
  return {
    tag,
    [Symbol.asyncDispose]: async () => {
      await promisify(execFile)("docker", ["rmi", "-f", tag]);
    },
  };
}
