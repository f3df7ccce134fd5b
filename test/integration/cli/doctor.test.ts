import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { runCli, runJson } from "../../support/cli-process.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

interface Check {
  name: string;
  status: string;
  message: string;
  hint: string | null;
}

/** Neither an engine nor a model service, and nothing of this machine's. */
const NOTHING = {
  DOCKER_HOST: "unix:///nonexistent/docker.sock",
  STIGMER_SERVER_PORT: "0",
  STIGMER_LLM_BASE_URL: "http://127.0.0.1:1/v1",
};

async function examine(home: string, env: NodeJS.ProcessEnv) {
  const { exitCode, envelope } = await runJson(["doctor"], { home, env: { ...NOTHING, ...env } });
  const { checks } = envelope.data as { checks: Check[] };
  const find = (name: string) => checks.find((check) => check.name === name);
  return { exitCode, find };
}

describe("doctor", () => {
  test("fails where Docker is needed and none answers, and names the way without it", async () => {
    await using home = await temporaryDirectory();
    const { exitCode, find } = await examine(home.path, {});
    expect(exitCode).toBe(1);
    expect(find("docker")).toMatchObject({ status: "fail" });
    expect(find("docker")?.message.split("/nonexistent/docker.sock")).toHaveLength(2);
    expect(find("docker")?.hint).toContain("--runtime process");
    expect(find("image")).toMatchObject({ status: "skip" });
  });

  test("exits 0 when nothing prevents a start, an unreachable model service included", async () => {
    await using home = await temporaryDirectory();
    const { exitCode, find } = await examine(home.path, { STIGMER_AGENT_RUNNER_RUNTIME: "process" });
    expect(exitCode).toBe(0);
    expect(find("docker")).toMatchObject({ status: "skip" });
    expect(find("model")).toMatchObject({ status: "warn", message: expect.stringContaining("http://127.0.0.1:1/v1") });
    expect(find("stack")).toMatchObject({ status: "skip", message: "it does not run" });
  });

  test("tells an invalid configuration and goes on", async () => {
    await using home = await temporaryDirectory();
    await writeFile(home.file("config.yaml"), "server: { prot: 1 }\n");
    const { exitCode, find } = await examine(home.path, {});
    expect(exitCode).toBe(1);
    expect(find("config")?.message).toContain("did you mean port?");
    expect(find("disk")).toMatchObject({ status: "pass" });
  });

  test("warns of secrets that others can read, of a missing key and of stale files", async () => {
    await using home = await temporaryDirectory();
    await writeFile(home.file("secrets.env"), "OTHER_KEY=abc\n", { mode: 0o644 });
    await mkdir(home.file("data"));
    await writeFile(home.file("data/daemon.pid"), "garbage\n");
    const { find } = await examine(home.path, { STIGMER_LLM_PROVIDER: "anthropic", STIGMER_LLM_BASE_URL: "null" });
    expect(find("secrets")).toMatchObject({ status: "warn", message: expect.stringContaining("mode 0644") });
    expect(find("key")).toMatchObject({
      status: "warn",
      message: "anthropic needs ANTHROPIC_API_KEY, which is not set",
    });
    expect(find("state files")).toMatchObject({ status: "warn", message: expect.stringContaining("stigmer-server") });
  });

  test("prints a line a check", async () => {
    await using home = await temporaryDirectory();
    const { stdout, exitCode } = await runCli(["doctor"], { home: home.path, env: NOTHING });
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^✔ node /m);
    expect(stdout).toMatch(/^✖ docker /m);
  });
});

describe("a bundle", () => {
  const SECRET = "sk-very-secret-0123456789";

  async function homeWithSecrets() {
    const home = await temporaryDirectory();
    await writeFile(home.file("secrets.env"), `API_KEY=${SECRET}\n`, { mode: 0o600 });
    await writeFile(home.file("config.yaml"), `# ${SECRET}\nllm: { model: "${SECRET}" }\n`);
    await mkdir(home.file("run"));
    await writeFile(home.file("run/token"), "run-token-abcdef\n");
    await mkdir(home.file("data/logs"), { recursive: true });
    const log = `called with ${SECRET}\n{"auth":"Bearer run-token-abcdef"}\nlast line\n`;
    await writeFile(home.file("data/logs/stigmer-server.log"), log);
    return home;
  }

  test.each([
    ["report.json", (bytes: Buffer) => bytes.toString()],
    ["report.tar.gz", (bytes: Buffer) => gunzipSync(bytes).toString()],
  ])("%s holds what a report needs, and no secret", async (name, open) => {
    await using home = await homeWithSecrets();
    await runCli(["doctor", "--bundle", name], { home: home.path, env: NOTHING, cwd: home.path });
    const text = open(await readFile(home.file(name)));
    for (const part of [
      "versions.json",
      "doctor.json",
      "status.json",
      "config.yaml",
      "logs/stigmer-server.log",
      "last line",
    ]) {
      expect(text).toContain(part);
    }
    expect(text).not.toContain(SECRET);
    expect(text).not.toContain("run-token-abcdef");
    expect((await stat(home.file(name))).mode & 0o777).toBe(0o600);
  });

  test("never takes the place of a file", async () => {
    await using home = await homeWithSecrets();
    await writeFile(home.file("mine.json"), "mine");
    const { exitCode, envelope } = await runJson(["doctor", "--bundle", home.file("mine.json")], {
      home: home.path,
      env: NOTHING,
    });
    expect([exitCode, envelope.error?.code]).toEqual([2, "USAGE"]);
    expect(await readFile(home.file("mine.json"), "utf8")).toBe("mine");
  });
});
