import { homedir } from "node:os";
import { loadSettings } from "../../../config/load.ts";
import type { Settings } from "../../../config/settings.ts";
import { discoverDocker, explainUnusableDocker } from "../../../docker/connect.ts";
import { dockerConfigDir } from "../../../docker/contexts.ts";
import type { DockerEngine } from "../../../docker/engine.ts";
import type { StackStatus } from "../../../stack/component.ts";
import type { CommandContext } from "../../context.ts";
import { readStatus } from "../server/status.ts";
import { type Check, type DoctorFacts, pass, warn } from "./check.ts";
import { checkDisk } from "./checks/disk.ts";
import { checkDocker } from "./checks/docker.ts";
import { checkDockerRunner } from "./checks/docker-runner.ts";
import { checkEngine } from "./checks/engine.ts";
import { checkHome } from "./checks/home.ts";
import { checkImage } from "./checks/image.ts";
import { checkKey } from "./checks/key.ts";
import { checkModel } from "./checks/model.ts";
import { checkNode } from "./checks/node.ts";
import { checkPort } from "./checks/port.ts";
import { checkSecrets } from "./checks/secrets.ts";
import { checkStack } from "./checks/stack.ts";
import { checkStateFiles } from "./checks/state-files.ts";
import { failedCheck } from "./failed-check.ts";

export interface Examination {
  checks: Check[];
  settings: Settings | null;
  /** Null when it could not be found out; the check `stack` says why. */
  status: StackStatus | null;
}

/** Runs every check, the slow ones side by side. Changes nothing, and a check that throws is a failed check. */
export async function examine(context: CommandContext): Promise<Examination> {
  const [config, docker] = await Promise.all([readConfig(context), findDocker(context)]);
  const { paths, env, signal } = context;
  const facts: DoctorFacts = { paths, env, signal, settings: config.settings, engine: docker.engine };
  const [stack, ...others] = await Promise.all([
    examineStack(context),
    guard("node", checkNode()),
    guard("home", checkHome(facts)),
    Promise.resolve(config.check),
    docker.check(config.settings),
    guard("engine", checkEngine(facts)),
    guard("image", checkImage(facts)),
    guard("port", checkPort(facts)),
    guard("docker-runner", checkDockerRunner(facts)),
    guard("disk", checkDisk(facts)),
    guard("state files", checkStateFiles(facts)),
    guard("model", checkModel(facts)),
    guard("secrets", checkSecrets(facts)),
    guard("key", checkKey(facts)),
  ]);
  return { checks: [...others, stack.check], settings: config.settings, status: stack.status };
}

async function guard(name: string, check: Promise<Check>): Promise<Check> {
  try {
    return await check;
  } catch (error) {
    return failedCheck(name, error);
  }
}

async function readConfig({ paths, env }: CommandContext): Promise<{ check: Check; settings: Settings | null }> {
  try {
    const { settings, warnings } = await loadSettings({ configFile: paths.configFile, env });
    const check = warnings.length === 0 ? pass("config", paths.configFile) : warn("config", warnings.join("; "), null);
    return { check, settings };
  } catch (error) {
    return { check: failedCheck("config", error), settings: null };
  }
}

interface FoundDocker {
  engine: DockerEngine | null;
  check(settings: Settings | null): Promise<Check>;
}

async function findDocker({ env, signal }: CommandContext): Promise<FoundDocker> {
  const options = { env, homeDir: homedir(), signal };
  const discovery = await discoverDocker(options);
  if (discovery.chosen === null) {
    const obstacle = await explainUnusableDocker(discovery, options);
    return { engine: null, check: async (settings) => checkDocker(settings, discovery, obstacle) };
  }
  const { createEngine } = await import("../../../docker/engine-dockerode.ts");
  const engine = await createEngine(discovery.chosen, { configDir: dockerConfigDir(env, options.homeDir), env });
  return { engine, check: async (settings) => checkDocker(settings, discovery, null) };
}

async function examineStack(context: CommandContext): Promise<{ check: Check; status: StackStatus | null }> {
  try {
    const status = await readStatus(context);
    return { check: checkStack(status), status };
  } catch (error) {
    // What it cannot say now does not keep a stack from starting; the other checks name what does.
    return { check: { ...failedCheck("stack", error), status: "warn" }, status: null };
  }
}
