import { describe, expect, it } from "vitest";
import { type CandidateSources, listCandidates } from "../../../src/docker/candidates.ts";
import type { DockerContext } from "../../../src/docker/contexts.ts";
import type { HostFacts } from "../../../src/docker/host-facts.ts";

const linux: HostFacts = { platform: "linux", debianLike: true, wsl: false, systemd: true, uid: 1000 };
const mac: HostFacts = { platform: "darwin", debianLike: false, wsl: false, systemd: false, uid: 501 };

function list(sources: Partial<CandidateSources> = {}) {
  return listCandidates({ env: {}, homeDir: "/home/ada", host: linux, context: null, limaInstances: [], ...sources });
}

function context(over: Partial<DockerContext> = {}): DockerContext {
  const host = "unix:///home/ada/.colima/work/docker.sock";
  return { name: "work", host, certificateDirectory: null, skipVerify: false, problem: null, ...over };
}

describe("where an engine may listen", () => {
  it("is DOCKER_HOST and nothing else when that is set, whatever the context", () => {
    const { explicit, candidates } = list({ env: { DOCKER_HOST: "unix:///tmp/d.sock" }, context: context() });
    expect(explicit).toBe(true);
    expect(candidates).toEqual([
      {
        endpoint: { url: "unix:///tmp/d.sock", socketPath: "/tmp/d.sock", source: "DOCKER_HOST", flavour: "unknown" },
        problem: null,
      },
    ]);
  });

  it("is the chosen context and nothing else when there is one", () => {
    const { explicit, candidates } = list({ context: context() });
    expect(explicit).toBe(true);
    expect(candidates.map(({ endpoint }) => [endpoint.source, endpoint.socketPath, endpoint.flavour])).toEqual([
      ["context work", "/home/ada/.colima/work/docker.sock", "colima"],
    ]);
  });

  it("keeps a context that is missing as the one candidate, with its problem", () => {
    const { explicit, candidates } = list({ context: context({ host: null, problem: "there is no such context" }) });
    expect(explicit).toBe(true);
    expect(candidates.map(({ problem }) => problem)).toEqual(["there is no such context"]);
  });

  it("is every known place in order of preference on Linux", () => {
    const { explicit, candidates } = list({
      env: { XDG_RUNTIME_DIR: "/run/user/1000" },
      limaInstances: ["default", "docker"],
    });
    expect(explicit).toBe(false);
    expect(candidates.map(({ endpoint }) => [endpoint.socketPath, endpoint.flavour])).toEqual([
      ["/var/run/docker.sock", "systemd"],
      ["/run/user/1000/docker.sock", "rootless"],
      ["/home/ada/.docker/run/docker.sock", "docker-desktop"],
      ["/home/ada/.docker/desktop/docker.sock", "docker-desktop"],
      ["/home/ada/.orbstack/run/docker.sock", "orbstack"],
      ["/home/ada/.colima/default/docker.sock", "colima"],
      ["/home/ada/.rd/docker.sock", "rancher-desktop"],
      ["/home/ada/.lima/default/sock/docker.sock", "lima"],
      ["/home/ada/.lima/docker/sock/docker.sock", "lima"],
      ["/run/user/1000/podman/podman.sock", "podman"],
      ["/run/podman/podman.sock", "podman"],
      ["/home/ada/.local/share/containers/podman/machine/podman.sock", "podman"],
      ["/home/ada/.local/share/containers/podman/machine/podman-machine-default/podman.sock", "podman"],
      ["/home/ada/.local/share/containers/podman/machine/qemu/podman.sock", "podman"],
    ]);
  });

  it("looks in the runtime folder of the user even where XDG_RUNTIME_DIR is not set", () => {
    const paths = list().candidates.map(({ endpoint }) => endpoint.socketPath);
    expect(paths).toContain("/run/user/1000/docker.sock");
    expect(paths).toContain("/run/user/1000/podman/podman.sock");
  });

  it("follows COLIMA_HOME, COLIMA_PROFILE, XDG_CONFIG_HOME and LIMA_HOME", () => {
    const env = { COLIMA_HOME: "/c", COLIMA_PROFILE: "big", XDG_CONFIG_HOME: "/x", LIMA_HOME: "/l" };
    const paths = list({ env, limaInstances: ["vm"] }).candidates.map(({ endpoint }) => endpoint.socketPath);
    expect(paths).toEqual(
      expect.arrayContaining(["/c/big/docker.sock", "/x/colima/big/docker.sock", "/l/vm/sock/docker.sock"]),
    );
  });

  it("takes the default socket for Docker Desktop's on macOS, and for dockerd's without systemd", () => {
    expect(list({ host: mac }).candidates[0]?.endpoint.flavour).toBe("docker-desktop");
    expect(list({ host: { ...linux, systemd: false } }).candidates[0]?.endpoint.flavour).toBe("dockerd");
  });
});

describe("addresses", () => {
  const addressed = (DOCKER_HOST: string, env = {}) => list({ env: { DOCKER_HOST, ...env } }).candidates[0];

  it.each([
    ["tcp://10.0.0.5", "tcp://10.0.0.5:2375"],
    ["tcp://10.0.0.5:1234", "tcp://10.0.0.5:1234"],
    ["http://box:80", "tcp://box:80"],
    ["box:2375", "tcp://box:2375"],
    ["tcp://[::1]:2375", "tcp://[::1]:2375"],
    ["unix://", "unix:///var/run/docker.sock"],
    ["/tmp/d.sock", "unix:///tmp/d.sock"],
  ])("%s is dialled as %s", (address, url) => {
    expect(addressed(address)).toMatchObject({ endpoint: { url }, problem: null });
  });

  it("uses TLS with DOCKER_TLS_VERIFY, on port 2376, with the certificates of DOCKER_CERT_PATH", () => {
    expect(addressed("tcp://box", { DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "/certs" })?.endpoint).toEqual({
      url: "tcp://box:2376",
      socketPath: null,
      source: "DOCKER_HOST",
      flavour: "unknown",
      tls: { certificateDirectory: "/certs", verify: true },
    });
  });

  it("looks for certificates in the Docker CLI's folder by default", () => {
    const directory = (env: NodeJS.ProcessEnv) => addressed("tcp://box", env)?.endpoint.tls?.certificateDirectory;
    expect(directory({ DOCKER_TLS: "1" })).toBe("/home/ada/.docker");
    expect(directory({ DOCKER_TLS: "1", DOCKER_CONFIG: "/cfg" })).toBe("/cfg");
  });

  it("has no TLS on a unix socket, even where the variables for it are set", () => {
    expect(addressed("unix:///d.sock", { DOCKER_TLS_VERIFY: "1" })?.endpoint).not.toHaveProperty("tls");
  });

  it.each([
    ["ssh://ada@box", /forward the remote socket/],
    ["npipe:////./pipe/docker_engine", /WSL2/],
    ["ftp://box", /ftp:\/\/ is no scheme/],
    ["tcp://", /not an address/],
    ["tcp://box:99999", /not an address/],
  ])("%s cannot be dialled, and the reason is said", (address, problem) => {
    expect(addressed(address)?.problem).toMatch(problem);
  });
});
