import { describe, expect, it } from "vitest";
import type { DockerFlavour } from "../../../src/docker/engine.ts";
import { type HostFacts, isDebianLike } from "../../../src/docker/host-facts.ts";
import { installHint, permissionHint, startHint, unresponsiveHint } from "../../../src/docker/start-hints.ts";

const debian: HostFacts = { platform: "linux", debianLike: true, wsl: false, systemd: true, uid: 1000 };
const fedora: HostFacts = { ...debian, debianLike: false };
const mac: HostFacts = { platform: "darwin", debianLike: false, wsl: false, systemd: false, uid: 501 };
const wsl: HostFacts = { ...debian, wsl: true, systemd: false };
const bare: HostFacts = { ...debian, systemd: false, uid: 0 };

const startCommand = (flavour: DockerFlavour, host: HostFacts, socketPath: string | null = null) =>
  startHint({ flavour, socketPath, source: "default socket" }, host).actions[0]?.command;

describe("starting Docker", () => {
  it.each<[DockerFlavour, HostFacts, string | null, string]>([
    ["docker-desktop", mac, null, "open -a Docker"],
    ["docker-desktop", debian, null, "systemctl --user start docker-desktop"],
    ["colima", mac, null, "colima start"],
    ["orbstack", mac, null, "open -a OrbStack"],
    ["rancher-desktop", mac, null, "rdctl start"],
    ["podman", mac, null, "podman machine start"],
    ["podman", debian, "/run/user/1000/podman/podman.sock", "systemctl --user start podman.socket"],
    ["podman", debian, "/run/podman/podman.sock", "sudo systemctl start podman.socket"],
    ["lima", mac, "/Users/a/.lima/docker/sock/docker.sock", "limactl start docker"],
    ["rootless", debian, null, "systemctl --user start docker"],
    ["systemd", debian, "/var/run/docker.sock", "sudo systemctl start docker"],
    ["dockerd", bare, "/var/run/docker.sock", "dockerd"],
    ["dockerd", wsl, "/var/run/docker.sock", "sudo service docker start"],
    ["unknown", debian, "/tmp/d.sock", "sudo dockerd --host unix:///tmp/d.sock"],
    ["unknown", debian, null, "sudo systemctl start docker"],
    ["unknown", mac, "/tmp/d.sock", "open -a Docker"],
  ])("%s has a command of its own", (flavour, host, socketPath, command) => {
    expect(startCommand(flavour, host, socketPath)).toBe(command);
  });

  it("goes on with the stack, and names the way without Docker", () => {
    expect(startHint({ flavour: "colima", socketPath: null, source: "Colima's socket" }, mac)).toEqual({
      text: "Start Colima (colima start), then run: stigmer server start; without Docker: stigmer server start --runtime process",
      actions: [
        { label: "Start Colima", command: "colima start" },
        { label: "Then start the stack", command: "stigmer server start" },
        { label: "Or run without Docker", command: "stigmer server start --runtime process" },
      ],
    });
  });
});

describe("an engine on another machine", () => {
  const elsewhere = (source: string) => startHint({ flavour: "unknown", socketPath: null, source }, debian);

  it.each([
    ["DOCKER_HOST", "unset DOCKER_HOST"],
    ["context far", "docker context use default"],
  ])("is not started from here: the choice made by %s is taken back", (source, command) => {
    expect(elsewhere(source).actions[0]?.command).toBe(command);
    expect(elsewhere(source).actions.map((action) => action.command)).toContain(
      "stigmer server start --runtime process",
    );
  });
});

describe("installing Docker", () => {
  it.each<[string, HostFacts, string]>([
    ["macOS", mac, "brew install --cask docker"],
    ["Debian and Ubuntu", debian, "sudo apt-get install docker.io"],
    ["Debian as root", bare, "apt-get install docker.io"],
    ["another Linux", fedora, "https://docs.docker.com/engine/install/"],
    ["WSL2", wsl, "winget.exe install Docker.DockerDesktop"],
    ["Windows", { ...mac, platform: "win32" }, "wsl --install"],
  ])("on %s", (_name, host, command) => {
    const hint = installHint(host);
    expect(hint.actions.map((action) => action.command)).toEqual([
      command,
      "stigmer server start",
      "stigmer server start --runtime process",
    ]);
    expect(hint.text).toContain(command);
  });

  it("names Docker Desktop on WSL2 and on Windows", () => {
    expect(installHint(wsl).text).toContain("Docker Desktop");
    expect(installHint({ ...mac, platform: "win32" }).text).toMatch(/WSL2.*Docker Desktop/);
  });

  it.each([
    ["debian", "ID=debian\n", true],
    ["ubuntu", 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n', true],
    ["mint", 'ID=linuxmint\nID_LIKE="ubuntu debian"\n', true],
    ["fedora", "ID=fedora\n", false],
    ["a name that only mentions debian", 'PRETTY_NAME="not debian"\nID=arch\n', false],
    ["no file", "", false],
  ])("knows %s", (_name, osRelease, expected) => {
    expect(isDebianLike(osRelease)).toBe(expected);
  });
});

it("a user without permission is told to join the docker group and to log in again", () => {
  const hint = permissionHint({ socketPath: "/var/run/docker.sock" });
  expect(hint.text).toMatch(/usermod -aG docker \$USER.*log in again/);
  expect(hint.actions.map(({ command }) => command)).toEqual([
    "sudo usermod -aG docker $USER",
    "newgrp docker",
    "ls -l /var/run/docker.sock",
    "stigmer server start",
    "stigmer server start --runtime process",
  ]);
});

it.each<[DockerFlavour, string]>([
  ["systemd", "sudo systemctl restart docker"],
  ["rootless", "systemctl --user restart docker"],
  ["colima", "colima restart"],
  ["podman", "systemctl --user start podman.socket"],
])("a hanging %s is restarted", (flavour, command) => {
  expect(unresponsiveHint({ flavour, socketPath: null, source: "" }, debian).actions[0]?.command).toBe(command);
});
