import { spawn } from "node:child_process";
import { docker } from "../support/stack-rig.ts";

const BASE = "stigmer-agent-runner:local";

/** The agent-runner's image with other instructions on top, under a name of its own, for as long as it is needed. */
export class AlteredImage implements AsyncDisposable {
  readonly reference: string;

  private constructor(reference: string) {
    this.reference = reference;
  }

  /** @param instructions lines of a Dockerfile after its FROM */
  static async build(name: string, instructions: string[] = []): Promise<AlteredImage> {
    const reference = `stigmer-reliability-${process.pid}:${name}`;
    if (instructions.length === 0) await docker("tag", BASE, reference);
    else await buildFromText([`FROM ${BASE}`, ...instructions].join("\n"), reference);
    return new AlteredImage(reference);
  }

  /** Text of a config.yaml whose agent-runner runs it. */
  get config(): string {
    return `server: { port: 0 }\nagent_runner: { image: "${this.reference}" }\n`;
  }

  /** Takes the name away; containers of it stay. */
  async remove(): Promise<void> {
    await docker("rmi", "-f", this.reference);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove().catch(() => undefined); // The trial may have removed it.
  }
}

/** Instructions that make node deaf to SIGTERM, whatever the program in it wants. */
export const DEAF_TO_SIGTERM = [
  `ENV NODE_OPTIONS="--import=data:text/javascript,${encodeURIComponent(
    `
  process.on("SIGTERM", () => {});
  for (const name of ["on", "once", "addListener"]) {
    const add = process[name];
    process[name] = function (event, listener) { return event === "SIGTERM" ? this : add.call(this, event, listener); };
  }
`.replaceAll(/\s+/g, " "),
  ).replaceAll("'", "%27")}"`,
];

function buildFromText(dockerfile: string, reference: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("docker", ["build", "-q", "-t", reference, "-"], { stdio: ["pipe", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`docker build ended with ${code}: ${stderr}`)),
    );
    child.stdin.end(dockerfile);
  });
}
