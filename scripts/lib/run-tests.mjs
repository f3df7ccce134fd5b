import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { ensureBuild } from "./build-stamp.mjs";
import { ensureEngine, ensureImage } from "./engine-and-image.mjs";
import { interruption } from "./interruption.mjs";
import { ensurePackages } from "./packages.mjs";
import { runCommand } from "./run-command.mjs";
import { StepError } from "./step-error.mjs";
import { ensureTestTools } from "./test-tools.mjs";

/**
 * The projects of vitest.config.ts in the order they run, and how long each may take before it counts as hung.
 *
 * @typedef {{ name: string, folders: string[], needsDocker: boolean, deadlineMs: number }} Project
 */

/** @type {Project[]} */
const PROJECTS = [
  { name: "unit", folders: ["test/unit", "test/structure"], needsDocker: false, deadlineMs: 120_000 },
  { name: "integration", folders: ["test/integration", "test/contract"], needsDocker: false, deadlineMs: 600_000 },
  { name: "docker", folders: ["test/docker"], needsDocker: true, deadlineMs: 600_000 },
  { name: "e2e", folders: ["test/e2e"], needsDocker: true, deadlineMs: 1_500_000 },
];

/** @typedef {{ passed: number, failed: number, skipped: number, failures: string[] }} Counts */

/**
 * @param {string} root the repository
 * @param {string[]} selection names of projects, and files or folders of tests; empty means everything
 * @returns {Promise<number>} the exit code
 */
export async function runAllTests(root, selection) {
  const { projects, files } = select(selection);
  await ensurePackages(root);
  await ensureBuild(root);
  await ensureTestTools(root);

  const total = noCounts();
  const lines = [];
  if (process.env["CI"] === "true" && selection.length === 0) {
    const isClean = await lint(root);
    if (!isClean) total.failed += 1;
    if (!isClean) total.failures.push("lint: npm run lint says what");
    lines.push(`${"lint".padEnd(12)} ${isClean ? "clean" : "failed"}`);
  }
  /** @type {DockerState | undefined} */
  let docker;
  for (const project of projects) {
    if (project.needsDocker) docker ??= await prepareDocker(root);
    const counts =
      project.needsDocker && docker !== undefined && docker.state !== "ready"
        ? await leaveOut(root, project, docker)
        : await runProject(root, project, files);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
    total.failures.push(...counts.failures.map((name) => `${project.name}: ${name}`));
    lines.push(`${project.name.padEnd(12)} ${describe(counts)}`);
  }
  if (total.failures.length > 0) console.log(`\nFailed:\n${total.failures.join("\n")}`);
  console.log(`\n${lines.join("\n")}\n${describe(total)}`);
  return total.failed === 0 ? 0 : 1;
}

/**
 * Types, style, and what nothing uses: what lands must pass it.
 *
 * @param {string} root
 */
async function lint(root) {
  console.log("\n== lint ==");
  const { code } = await runCommand("npm", ["run", "--silent", "lint"], { cwd: root, output: "show", ownGroup: true });
  return code === 0;
}

/** @param {string[]} selection */
function select(selection) {
  const names = new Set(selection.filter((value) => PROJECTS.some(({ name }) => name === value)));
  const files = selection.filter((value) => !names.has(value));
  for (const file of files) {
    const owner = PROJECTS.find(({ folders }) => folders.some((folder) => file.startsWith(folder)));
    if (owner === undefined) {
      throw new StepError(
        `${file} is neither a project (${PROJECTS.map(({ name }) => name).join(", ")}) nor under test/`,
        2,
      );
    }
    names.add(owner.name);
  }
  const projects = names.size === 0 ? PROJECTS : PROJECTS.filter(({ name }) => names.has(name));
  return { projects, files };
}

/** @typedef {{ state: "ready" } | { state: "missing" | "broken", reason: string }} DockerState */

/**
 * @param {string} root
 * @returns {Promise<DockerState>}
 */
async function prepareDocker(root) {
  // A home of its own: nobody's settings decide how the image for the tests is built.
  const stigmer = { root, globals: ["--home", join(root, ".cache", "test-home")] };
  try {
    const reason = await ensureEngine(stigmer, { mayInstall: true });
    if (reason !== null) return { state: "missing", reason };
    await ensureImage(stigmer);
    return { state: "ready" };
  } catch (error) {
    if (!(error instanceof StepError) || interruption.aborted) throw error;
    return { state: "broken", reason: error.message };
  }
}

/**
 * Without an engine a project is skipped, by its files; where one was promised (CI) or should work, that is a failure.
 *
 * @param {string} root
 * @param {Project} project
 * @param {{ state: "missing" | "broken", reason: string }} docker
 * @returns {Promise<Counts>}
 */
async function leaveOut(root, project, { state, reason }) {
  const counts = await Promise.all(project.folders.map((folder) => countTestFiles(join(root, folder))));
  const files = counts.reduce((sum, count) => sum + count, 0);
  const failed = state === "broken" || process.env["CI"] === "true";
  const verdict = failed ? "FAILED" : "SKIPPED";
  console.error(`\n${verdict}: the ${files} test files of project ${project.name} need a Docker engine: ${reason}`);
  return failed
    ? { ...noCounts(), failed: Math.max(1, files), failures: [`all of its files: ${reason}`] }
    : { ...noCounts(), skipped: files };
}

/** @param {string} folder */
async function countTestFiles(folder) {
  if (!existsSync(folder)) return 0;
  const files = await readdir(folder, { recursive: true });
  return files.filter((file) => file.endsWith(".test.ts")).length;
}

/**
 * @param {string} root
 * @param {Project} project
 * @param {string[]} files
 * @returns {Promise<Counts>}
 */
async function runProject(root, project, files) {
  const report = join(root, ".cache", "tests", `${project.name}.json`);
  await mkdir(join(root, ".cache", "tests"), { recursive: true });
  await rm(report, { force: true });
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const own = files.filter((file) => project.folders.some((folder) => file.startsWith(folder)));
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const values = [vitest, "run", "--project", project.name, ...reporters, ...own];
  console.log(`\n== ${project.name} ==`);
  const { code } = await runCommand(process.execPath, values, {
    cwd: root,
    output: "show",
    ownGroup: true,
    timeoutMs: project.deadlineMs,
  });
  const counts = existsSync(report) ? countResults(JSON.parse(await readFile(report, "utf8"))) : noCounts();
  // No report, no tests, an error outside of any test: the project failed whatever its tests say.
  if (counts.failed === 0 && (code !== 0 || counts.passed === 0)) {
    const end =
      code === null ? `killed, not done after ${project.deadlineMs / 1000} s` : `vitest ended with code ${code}`;
    console.error(`project ${project.name} failed: ${end}`);
    counts.failed = 1;
    counts.failures.push(end);
  }
  return counts;
}

/**
 * @typedef {{ status: string, fullName: string, failureMessages: string[] }} TestResult
 * @typedef {{ name: string, status: string, message: string, assertionResults: TestResult[] }} FileResult
 */

/**
 * @param {{ testResults: FileResult[] }} report as vitest's json reporter writes it
 * @returns {Counts}
 */
function countResults(report) {
  const counts = noCounts();
  for (const file of report.testResults) {
    const before = counts.failed;
    for (const { status, fullName, failureMessages } of file.assertionResults) {
      if (status === "passed") counts.passed += 1;
      else if (status !== "failed") counts.skipped += 1;
      else addFailure(counts, `${fullName}: ${failureMessages[0]}`);
    }
    // A file that cannot be loaded, or whose hook failed, has no failed test.
    if (file.status === "failed" && counts.failed === before) addFailure(counts, `${file.name}: ${file.message}`);
  }
  return counts;
}

/**
 * @param {Counts} counts
 * @param {string} text its first line is kept
 */
function addFailure(counts, text) {
  counts.failed += 1;
  counts.failures.push(text.split("\n")[0] ?? text);
}

/** @returns {Counts} */
function noCounts() {
  return { passed: 0, failed: 0, skipped: 0, failures: [] };
}

/** @param {Counts} counts */
function describe({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
