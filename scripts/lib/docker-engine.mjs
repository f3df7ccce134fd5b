import { spawn } from "node:child_process";
import { existsSync, openSync, readFileSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { userInfo } from "node:os";
import { installDebianPackages, isInstalled } from "./debian-packages.mjs";
import { pause } from "./interruption.mjs";
import { lastLines, runCommand } from "./run-command.mjs";
import { StepError } from "./step-error.mjs";
import { announce } from "./steps.mjs";

/**
 * A Docker engine of the machine's own: installed from the distribution's packages and started, for those who may
 * (root on Debian and Ubuntu) and have none.
 */

const SOCKET = "/var/run/docker.sock";
const LOG_FILE = "/var/log/stigmer-dockerd.log";
const PID_FILES = {
  "/var/run/docker.pid": "dockerd",
  "/var/run/docker/containerd/containerd.pid": "containerd",
};
const START_DEADLINE_MS = 60_000;
const CONSENT_MS = 3_000;

/**
 * Whether {@link bringUpEngine} could do something, else why not.
 *
 * @returns {string | null} the reason in words, null when it may be tried
 */
export function whyNoEngineCanBeStarted() {
  if (process.platform !== "linux") return "only on Linux is an engine started for you";
  if (process.env["DOCKER_HOST"]) return `DOCKER_HOST names another engine (${process.env["DOCKER_HOST"]})`;
  if (userInfo().uid !== 0) return "you are not root";
  if (!isInstalled("dockerd") && !isInstalled("apt-get")) return "there is neither dockerd nor apt-get";
  return null;
}

/**
 * Installs the engine when there is none, and starts it.
 *
 * @param {string} root the repository
 * @returns {Promise<string>} what was done, in words
 */
export async function bringUpEngine(root) {
  if (isInstalled("dockerd")) {
    announce("docker", "starting the Docker engine");
    await startEngine(root);
    return "started the Docker engine";
  }
  announce("docker", "no Docker engine here: installing docker.io with apt-get (--no-install prevents it)");
  if (process.stdout.isTTY) {
    announce("docker", `beginning in ${CONSENT_MS / 1000} s, Ctrl-C to stop`);
    await pause(CONSENT_MS);
  }
  await installDebianPackages(["docker.io"], { cwd: root });
  await startEngine(root);
  return "installed and started the Docker engine (docker.io)";
}

/** @param {string} root */
async function startEngine(root) {
  if (existsSync("/run/systemd/system")) {
    const { code } = await runCommand("systemctl", ["start", "docker"], { cwd: root });
    if (code === 0 && (await answersWithin(START_DEADLINE_MS, () => false))) return;
    const { stdout } = await runCommand("journalctl", ["--unit=docker", "--lines=20", "--no-pager"], { cwd: root });
    throw new StepError(`the docker service does not start:\n${stdout}\nSee: systemctl status docker`);
  }
  await startByHand();
}

async function startByHand() {
  removeStalePidFiles();
  const log = openSync(LOG_FILE, "a");
  const child = spawn("dockerd", [], { detached: true, stdio: ["ignore", log, log] });
  child.unref();
  let ended = false;
  child.once("error", () => {
    ended = true;
  });
  child.once("exit", () => {
    ended = true; // also when another dockerd, started at this moment, was faster: then that one answers
  });
  if (await answersWithin(START_DEADLINE_MS, () => ended)) return;
  const text = await readFile(LOG_FILE, "utf8");
  throw new StepError(`dockerd does not answer; the last lines of ${LOG_FILE}:\n${lastLines(text, 20)}`);
}

/**
 * A killed dockerd leaves PID files, and where /var/run survives a crash of the machine (containers) so do they. Its
 * successor refuses to start while the number belongs to anybody, and waits in vain for a containerd that is not one
 * or is a zombie that nobody has collected.
 */
function removeStalePidFiles() {
  for (const [file, program] of Object.entries(PID_FILES)) {
    if (!existsSync(file)) continue;
    const statFile = `/proc/${readFileSync(file, "utf8").trim()}/stat`;
    const stat = existsSync(statFile) ? readFileSync(statFile, "utf8") : "";
    if (!stat.includes(`(${program})`) || /\) [ZX] /.test(stat)) rmSync(file);
  }
}

/**
 * @param {number} deadlineMs
 * @param {() => boolean} hasEnded
 */
async function answersWithin(deadlineMs, hasEnded) {
  const endMs = performance.now() + deadlineMs;
  while (performance.now() < endMs) {
    const lastTry = hasEnded();
    if (await answersPing(SOCKET)) return true;
    if (lastTry) return false;
    await pause(100); // dockerd has no way to tell that it listens
  }
  return false;
}

/**
 * @param {string} socketPath
 * @returns {Promise<boolean>}
 */
function answersPing(socketPath) {
  return new Promise((resolve) => {
    const call = request({ socketPath, path: "/_ping", timeout: 2_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    call.once("timeout", () => call.destroy(new Error("no answer")));
    call.once("error", () => resolve(false));
    call.end();
  });
}
