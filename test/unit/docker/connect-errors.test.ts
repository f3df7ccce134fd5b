import { describe, expect, it } from "vitest";
import { dockerUnusableError } from "../../../src/docker/connect-errors.ts";
import type { CandidateOutcome, DialledCandidate } from "../../../src/docker/discovery.ts";
import type { DockerFlavour } from "../../../src/docker/engine.ts";
import type { HostFacts } from "../../../src/docker/host-facts.ts";
import type { InstalledEngine } from "../../../src/docker/installed.ts";

const host: HostFacts = { platform: "linux", debianLike: true, wsl: false, systemd: true, uid: 1000 };
const docker: InstalledEngine = { path: "/usr/bin/docker", flavour: "unknown" };

function dialled(outcome: CandidateOutcome, detail: string, path = "/var/run/docker.sock"): DialledCandidate {
  const flavour: DockerFlavour = path === "/var/run/docker.sock" ? "systemd" : "unknown";
  return {
    endpoint: { url: `unix://${path}`, socketPath: path, source: "default socket", flavour },
    outcome,
    detail,
    durationMs: 1,
  };
}

function explain(
  candidates: DialledCandidate[],
  over: { installed?: InstalledEngine[]; host?: HostFacts; explicit?: boolean } = {},
) {
  const { explicit = false, installed = [docker] } = over;
  const discovery = { chosen: null, candidates, explicit, reason: "" };
  return dockerUnusableError({ discovery, installed, host: over.host ?? host }).toBody();
}

describe("why Docker cannot be used", () => {
  it("nothing installed and no socket: how to install it, and the way without", () => {
    expect(explain([dialled("absent", "there is no socket")], { installed: [] })).toEqual({
      code: "DOCKER_NOT_INSTALLED",
      message: "Docker is not installed",
      detail: "unix:///var/run/docker.sock (default socket): there is no socket",
      hint: "Install Docker (sudo apt-get install docker.io), then run: stigmer server start; without Docker: stigmer server start --runtime process",
      retryable: false,
      actions: [
        { label: "Install Docker", command: "sudo apt-get install docker.io" },
        { label: "Then start the stack", command: "stigmer server start" },
        { label: "Or run without Docker", command: "stigmer server start --runtime process" },
      ],
    });
  });

  it("installed but no socket: the start command of what is installed", () => {
    const absent = [dialled("absent", "there is no socket")];
    const commandFor = (installed: InstalledEngine) => explain(absent, { installed: [installed] }).actions[0]?.command;
    expect(explain(absent)).toMatchObject({
      code: "DOCKER_NOT_RUNNING",
      message: "Docker is installed but not running",
    });
    expect(commandFor(docker)).toBe("sudo systemctl start docker");
    expect(commandFor({ path: "/opt/bin/colima", flavour: "colima" })).toBe("colima start");
  });

  it("a socket that nobody serves is not running, even where no program of Docker's is found", () => {
    expect(explain([dialled("refused", "nobody serves it")], { installed: [] })).toMatchObject({
      code: "DOCKER_NOT_RUNNING",
      message: "Docker is not running: unix:///var/run/docker.sock (default socket): nobody serves it",
      actions: [{ command: "sudo systemctl start docker" }, {}, {}],
    });
  });

  it("no permission: usermod -aG docker, and log in again", () => {
    const error = explain([dialled("forbidden", "this user may not use the socket")]);
    expect(error.code).toBe("DOCKER_PERMISSION_DENIED");
    expect(error.hint).toMatch(/usermod -aG docker .*log in again/);
  });

  it("no answer: the endpoint and the deadline", () => {
    expect(explain([dialled("unresponsive", "no answer within 4.5 s")])).toMatchObject({
      code: "DOCKER_UNRESPONSIVE",
      message: "Docker does not answer: unix:///var/run/docker.sock (default socket): no answer within 4.5 s",
      actions: [{ command: "sudo systemctl restart docker" }, {}, {}],
    });
  });

  it("garbage: it is said that no engine listens there", () => {
    expect(explain([dialled("garbage", "it answers, but not in HTTP")])).toMatchObject({
      code: "DOCKER_UNRESPONSIVE",
      message:
        "What listens there is no Docker engine: unix:///var/run/docker.sock (default socket): it answers, but not in HTTP",
    });
  });

  it("the most telling place is named when there are several, and all are listed", () => {
    const error = explain([
      dialled("absent", "there is no socket", "/a.sock"),
      dialled("refused", "nobody serves it", "/b.sock"),
      dialled("forbidden", "this user may not use the socket", "/c.sock"),
    ]);
    expect(error.code).toBe("DOCKER_PERMISSION_DENIED");
    expect(error.message).toContain("/c.sock");
    expect(error.detail?.split("\n")).toHaveLength(3);
  });

  it("an endpoint that the user named is named in the message, and so is the way back", () => {
    const named = { ...dialled("absent", "there is no socket", "/x.sock") };
    named.endpoint = { ...named.endpoint, source: "DOCKER_HOST" };
    const error = explain([named], { explicit: true });
    expect(error.message).toBe(
      "Docker is installed but not running (unix:///x.sock (DOCKER_HOST): there is no socket)",
    );
    expect(error.actions.map(({ command }) => command)).toEqual([
      "sudo dockerd --host unix:///x.sock",
      "stigmer server start",
      "stigmer server start --runtime process",
      "unset DOCKER_HOST",
    ]);
    expect(explain([named], { explicit: true, installed: [] }).code).toBe("DOCKER_NOT_INSTALLED");
  });

  it("on Windows the way is WSL2, whatever was found", () => {
    const error = explain([dialled("absent", "there is no socket")], { host: { ...host, platform: "win32" } });
    expect(error.actions[0]?.command).toBe("wsl --install");
  });
});
