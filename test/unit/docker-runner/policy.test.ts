import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { policyDenied } from "../../../src/docker-runner/api-error.ts";
import { createBody } from "../../../src/docker-runner/containers/create-body.ts";
import { matchesGlob } from "../../../src/docker-runner/policy/glob.ts";
import { allowedHostPath } from "../../../src/docker-runner/policy/host-paths.ts";
import { allowedImage } from "../../../src/docker-runner/policy/image-rule.ts";
import { describeRelaxations, type Policy, STRICT_POLICY } from "../../../src/docker-runner/policy/policy.ts";
import { toPolicy } from "../../../src/docker-runner/policy/read-policy.ts";
import type { ContainerOptions } from "../../../src/docker-runner/schemas/containers.ts";

/** A machine: a root that may be mounted, links out of it, and an engine's socket. */
let root: string;
let allowed: string;
let socketPath: string;
let server: Server;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "stigmer-policy-"));
  allowed = join(root, "allowed");
  socketPath = join(root, "run", "engine.sock");
  for (const folder of ["allowed/inside", "run", "outside", "allowed-not"])
    mkdirSync(join(root, folder), { recursive: true });
  symlinkSync(join(root, "outside"), join(allowed, "link-out"));
  symlinkSync(join(root, "nowhere"), join(allowed, "dangling"));
  symlinkSync(socketPath, join(allowed, "link-to-socket"));
  symlinkSync(join(root, "run"), join(allowed, "link-to-run"));
  writeFileSync(join(allowed, "file"), "");
  server = createServer().listen(socketPath);
  await new Promise((resolve) => server.once("listening", resolve));
});

afterAll(() => {
  server.close();
  rmSync(root, { recursive: true, force: true });
});

interface Changes {
  policy?: Partial<Policy>;
  volumes?: Record<string, Record<string, string>>;
}

/** What the engine would be told of a request. */
async function body(options: Partial<ContainerOptions>, { policy = {}, volumes = {} }: Changes = {}) {
  const rules = { ...STRICT_POLICY, bindRoots: [allowed], volumes: ["data-*"], ...policy };
  rules.bindRoots = rules.bindRoots.map((path) => path.replace("ROOT", root));
  const created = await createBody(
    { options: { image: "app", ...options }, image: "app:latest", ownLabels: {} },
    {
      policy: rules,
      runnerId: "me",
      cpus: 8,
      hostPath: (path) => allowedHostPath(path, { policy: rules, socketPath }),
      volumeOptions: async (name) => volumes[name] ?? null,
      findNetwork: async (name) =>
        ({ "the-hosts": { name: "host", driver: "host" }, abcdef: { name: "secret", driver: "bridge" } })[name] ?? null,
      usableContainerId: async (name) => {
        if (name !== "mine") throw policyDenied("not yours");
        return "f".repeat(64);
      },
    },
  );
  return created as { HostConfig: Record<string, unknown>; Labels: Record<string, string> } & Record<string, unknown>;
}

function host(extras: Record<string, unknown>): Partial<ContainerOptions> {
  return { createExtras: { HostConfig: extras } };
}

/** Everything that somebody with the secret would try, under the strict policy with one bind root and volume pattern. */
const ATTEMPTS: [string, () => Partial<ContainerOptions>, Changes?][] = [
  ["privileged", () => ({ privileged: true })],
  ["Privileged in the extras", () => host({ Privileged: true })],
  ["privileged in another case", () => host({ privileged: true })],
  ["hostconfig in another case", () => ({ createExtras: { hostConfig: { Privileged: true } } })],
  ["HOSTCONFIG", () => ({ createExtras: { HOSTCONFIG: { Privileged: true } } })],
  ["Privileged beside HostConfig", () => ({ createExtras: { Privileged: true } })],
  ["HostConfig in HostConfig", () => host({ HostConfig: { Privileged: true } })],
  ["a key of Object's prototype", () => ({ createExtras: { constructor: {} } })],
  ["__proto__", () => ({ createExtras: JSON.parse('{"__proto__": {"Privileged": true}}') })],
  ["the image in the extras", () => ({ createExtras: { Image: "other" } })],
  ["labels in the extras", () => ({ createExtras: { Labels: { "ai.stigmer.runner": "other" } } })],
  ["a forged label", () => ({ labels: { "ai.stigmer.runner": "other" } })],
  ["a forged label of the stack", () => ({ labels: { "ai.stigmer.instance": "x" } })],
  ["a forged label in another case", () => ({ labels: { "AI.Stigmer.Runner": "other" } })],
  ["the host's network", () => ({ networkMode: "host" })],
  ["the host's network by its ID", () => ({ networkMode: "the-hosts" }), { policy: { networks: ["**"] } }],
  ["a network under an ID that matches", () => ({ networkMode: "abcdef" }), { policy: { networks: ["abc*"] } }],
  ["NetworkMode in the extras", () => host({ NetworkMode: "host" })],
  ["a network that is not listed", () => ({ networkMode: "backend" })],
  ["another container's network", () => ({ networkMode: "container:other" })],
  ["the network of no container", () => ({ networkMode: "container:" })],
  ["the network of what is no container", () => ({ networkMode: "container:.." })],
  ["a namespace by path", () => ({ networkMode: "ns:/proc/1/ns/net" })],
  ["networks in the extras", () => ({ createExtras: { NetworkingConfig: { EndpointsConfig: { host: {} } } } })],
  ["the host's processes", () => host({ PidMode: "host" })],
  ["another container's processes", () => host({ PidMode: "container:other" }), { policy: { hostPid: true } }],
  ["the host's IPC", () => host({ IpcMode: "host" })],
  ["the host's UTS", () => host({ UTSMode: "host" })],
  ["the host's user namespace", () => host({ UsernsMode: "host" })],
  ["the host's cgroups", () => host({ CgroupnsMode: "host" })],
  ["a parent cgroup", () => host({ CgroupParent: "/" })],
  ["a bind outside of the roots", () => ({ binds: [`${root}/outside:/x`] })],
  ["a bind of the whole machine", () => ({ binds: ["/:/x"] })],
  ["a bind beside a root with its name as prefix", () => ({ binds: [`${allowed}-not:/x`] })],
  ["a bind out by ..", () => ({ binds: [`${allowed}/../outside:/x`] })],
  ["a bind out by .. behind a missing folder", () => ({ binds: [`${allowed}/missing/../../outside:/x`] })],
  ["a bind out by .. behind a file", () => ({ binds: [`${allowed}/file/../../outside:/x`] })],
  ["a bind out by a link", () => ({ binds: [`${allowed}/link-out:/x`] })],
  ["a bind below a link out", () => ({ binds: [`${allowed}/link-out/new:/x`] })],
  ["a bind by a dangling link", () => ({ binds: [`${allowed}/dangling:/x`] })],
  ["a bind below a dangling link", () => ({ binds: [`${allowed}/dangling/x:/x`] })],
  [
    "a bind below a root that cannot be seen",
    () => ({ binds: [`${root}/unseen/x:/x`] }),
    { policy: { bindRoots: ["ROOT/unseen"] } },
  ],
  ["a bind with a relative path", () => ({ binds: ["./x:/x"] })],
  ["a bind in the extras", () => host({ Binds: [`${root}/outside:/x`] })],
  ["a bind with propagation", () => ({ binds: [`${allowed}:/x:rshared`] })],
  ["a bind that relabels the host", () => ({ binds: [`${allowed}:/x:Z`] })],
  ["the socket", () => ({ binds: [`${socketPath}:/s`] })],
  ["the socket under a listed root", () => ({ binds: [`${socketPath}:/s`] }), { policy: { bindRoots: ["/"] } }],
  ["the socket by a link", () => ({ binds: [`${allowed}/link-to-socket:/s`] })],
  ["the socket's folder by a link", () => ({ binds: [`${allowed}/link-to-run:/s`] }), { policy: { bindRoots: ["/"] } }],
  ["the folder above the socket", () => ({ binds: [`${root}/run:/s`] }), { policy: { bindRoots: ["/"] } }],
  ["every folder above the socket", () => ({ binds: ["/:/s"] }), { policy: { bindRoots: ["/"] } }],
  ["the usual socket", () => ({ binds: ["/var/run/docker.sock:/s"] }), { policy: { bindRoots: ["/"] } }],
  ["the folder of the usual socket", () => ({ binds: ["/var/run:/s"] }), { policy: { bindRoots: ["/"] } }],
  ["a bind mount outside of the roots", () => host({ Mounts: [{ Type: "bind", Source: "/etc", Target: "/x" }] })],
  ["a bind mount of the socket", () => host({ Mounts: [{ Type: "bind", Source: socketPath, Target: "/s" }] })],
  [
    "a bind mount with propagation",
    () => host({ Mounts: [{ Type: "bind", Source: allowed, Target: "/x", BindOptions: { Propagation: "shared" } }] }),
  ],
  ["a mount with a key in another case", () => host({ Mounts: [{ type: "bind", source: "/etc", target: "/x" }] })],
  ["a mount with both spellings", () => host({ Mounts: [{ Type: "tmpfs", Target: "/x", source: "/etc" }] })],
  ["a mount of an unknown type", () => host({ Mounts: [{ Type: "npipe", Source: "/etc", Target: "/x" }] })],
  [
    "a volume whose driver binds the host",
    () =>
      host({
        Mounts: [
          {
            Type: "volume",
            Source: "data-1",
            Target: "/x",
            VolumeOptions: { DriverConfig: { Name: "local", Options: { type: "none", o: "bind", device: "/" } } },
          },
        ],
      }),
  ],
  [
    "a volume that somebody made with driver options",
    () => ({ binds: ["data-1:/x"] }),
    { volumes: { "data-1": { device: "/" } } },
  ],
  ["a volume that is not listed", () => ({ binds: ["other:/x"] })],
  ["a volume mount that is not listed", () => host({ Mounts: [{ Type: "volume", Source: "other", Target: "/x" }] })],
  ["volumes of another container", () => host({ VolumesFrom: ["other"] })],
  ["a volume driver", () => host({ VolumeDriver: "local" })],
  ["devices", () => host({ Devices: [{ PathOnHost: "/dev/sda", PathInContainer: "/dev/sda" }] })],
  ["device requests", () => host({ DeviceRequests: [{ Count: -1 }] })],
  ["device cgroup rules", () => host({ DeviceCgroupRules: ["a *:* rwm"] })],
  ["a capability", () => host({ CapAdd: ["SYS_ADMIN"] })],
  ["all capabilities", () => host({ CapAdd: ["ALL"] }), { policy: { capabilities: ["NET_RAW"] } }],
  ["an unlisted capability in another spelling", () => host({ CapAdd: ["cap_sys_admin"] })],
  ["other dropped capabilities", () => host({ CapDrop: [] })],
  ["security options", () => host({ SecurityOpt: ["seccomp=unconfined"] })],
  ["no masked paths", () => host({ MaskedPaths: [] })],
  ["no read-only paths", () => host({ ReadonlyPaths: [] })],
  ["sysctls", () => host({ Sysctls: { "kernel.core_pattern": "|/x" } })],
  ["another runtime", () => host({ Runtime: "other" })],
  ["group membership", () => host({ GroupAdd: ["docker"] })],
  ["no out-of-memory killer", () => host({ OomKillDisable: true })],
  ["ulimits", () => host({ Ulimits: [{ Name: "nofile", Soft: 1e6, Hard: 1e6 }] })],
  ["a restart policy", () => host({ RestartPolicy: { Name: "always" } })],
  ["a log driver", () => host({ LogConfig: { Type: "syslog" } })],
  ["more memory", () => host({ Memory: 2 * 1024 ** 3 })],
  ["no limit on memory", () => host({ Memory: 0 })],
  ["swap", () => host({ MemorySwap: -1 })],
  ["more CPUs", () => host({ NanoCpus: 3e9 })],
  ["no limit on CPUs", () => host({ NanoCpus: 0 })],
  ["more processes", () => host({ PidsLimit: 513 })],
  ["no limit on processes", () => host({ PidsLimit: -1 })],
  ["shared memory beyond the limit", () => host({ ShmSize: 2 * 1024 ** 3 })],
  ["a tmpfs with set-uid programs", () => host({ Tmpfs: { "/x": "suid,dev" } })],
  ["links", () => host({ Links: ["other:alias"] })],
  ["a container-ID file", () => host({ ContainerIDFile: "/etc/cron.d/x" })],
];

describe(`none of ${ATTEMPTS.length} attempts passes the policy`, () => {
  test("there are at least 40", () => {
    expect(ATTEMPTS.length).toBeGreaterThanOrEqual(40);
  });

  test.each(ATTEMPTS)("%s", async (_name, options, changes) => {
    await expect(body(options(), changes)).rejects.toMatchObject({ statusCode: 403, code: "policy_denied" });
  });
});

describe("what the policy allows reaches the engine", () => {
  test("the hardening is always there", async () => {
    const { HostConfig, Labels } = await body({});
    expect(HostConfig).toEqual({
      Memory: 1024 ** 3,
      MemorySwap: 1024 ** 3,
      NanoCpus: 2e9,
      PidsLimit: 512,
      Binds: [],
      NetworkMode: "bridge",
      Privileged: false,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      RestartPolicy: { Name: "no" },
      AutoRemove: true,
    });
    expect(Labels).toMatchObject({ "ai.stigmer.managed": "true", "ai.stigmer.runner": "me" });
  });

  test("binds are resolved, so that a link that is turned later changes nothing", async () => {
    symlinkSync(join(allowed, "inside"), join(allowed, "link-in"));
    const { HostConfig } = await body({
      binds: [`${allowed}/link-in:/a:ro`, "data-1:/b", `${allowed}/inside/../new:/c`],
      createExtras: { HostConfig: { Binds: [`${allowed}/inside:/d`] } },
    });
    expect(HostConfig["Binds"]).toEqual([
      `${allowed}/inside:/a:ro`,
      "data-1:/b",
      `${allowed}/new:/c`,
      `${allowed}/inside:/d`,
    ]);
  });

  test("the extras of the allow-list, each as it may be", async () => {
    const { HostConfig, ...container } = await body(
      {
        createExtras: {
          User: "1000",
          Hostname: "box",
          StopSignal: "SIGINT",
          StopTimeout: 3,
          ExposedPorts: { "80/tcp": {} },
          HostConfig: {
            Memory: 64 * 1024 ** 2,
            NanoCpus: 5e8,
            PidsLimit: 10,
            Mounts: [
              { Type: "bind", Source: `${allowed}/inside`, Target: "/m", ReadOnly: true },
              { Type: "volume", Source: "data-2", Target: "/v", VolumeOptions: { NoCopy: true } },
              { Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1024 } },
            ],
            PortBindings: { "80/tcp": [{ HostPort: "8080" }] },
            CapAdd: ["cap_net_raw"],
            ReadonlyRootfs: true,
            Tmpfs: { "/tmp": "size=1m,noexec" },
            ExtraHosts: ["host:1.2.3.4"],
            ShmSize: 1024,
            Devices: [],
          },
        },
      },
      { policy: { capabilities: ["NET_RAW"] } },
    );
    expect(container).toMatchObject({ User: "1000", Hostname: "box", StopSignal: "SIGINT", StopTimeout: 3 });
    expect(HostConfig).toMatchObject({
      Memory: 64 * 1024 ** 2,
      MemorySwap: 64 * 1024 ** 2,
      NanoCpus: 5e8,
      PidsLimit: 10,
      Mounts: [
        { Type: "bind", Source: `${allowed}/inside`, Target: "/m", ReadOnly: true },
        { Type: "volume", Source: "data-2", Target: "/v", ReadOnly: false, VolumeOptions: { NoCopy: true } },
        { Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1024 } },
      ],
      PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }] },
      CapAdd: ["NET_RAW"],
      CapDrop: ["ALL"],
      ReadonlyRootfs: true,
      Tmpfs: { "/tmp": "size=1m,noexec" },
      ExtraHosts: ["host:1.2.3.4"],
      ShmSize: 1024,
      Devices: [],
    });
  });

  test.each<[keyof Policy, Partial<ContainerOptions>, Record<string, unknown>]>([
    ["privileged", { privileged: true }, { Privileged: true, CapDrop: ["ALL"] }],
    ["hostNetwork", { networkMode: "host" }, { NetworkMode: "host" }],
    ["hostPid", host({ PidMode: "host" }), { PidMode: "host" }],
    ["hostIpc", host({ IpcMode: "host" }), { IpcMode: "host" }],
    ["hostUts", host({ UTSMode: "host" }), { UTSMode: "host" }],
    ["devices", host({ Devices: [{ PathOnHost: "/dev/null" }] }), { Devices: [{ PathOnHost: "/dev/null" }] }],
    ["newPrivileges", {}, { SecurityOpt: [], Privileged: false }],
  ])("%s: true opens that and nothing else", async (key, options, expected) => {
    const policy = { [key]: true };
    expect((await body(options, { policy })).HostConfig).toMatchObject(expected);
    for (const [_name, attempt, changes] of ATTEMPTS.slice(0, 12)) {
      if (key === "privileged" && attempt().privileged === true) continue;
      await expect(body(attempt(), { ...changes, policy })).rejects.toMatchObject({ code: "policy_denied" });
    }
  });

  test("dockerSocket: true opens the socket alone", async () => {
    const policy = { dockerSocket: true, bindRoots: [] };
    const { HostConfig } = await body({ binds: [`${socketPath}:/s`] }, { policy });
    expect(HostConfig["Binds"]).toEqual([`${socketPath}:/s`]);
    await expect(body({ binds: [`${root}/run:/s`] }, { policy })).rejects.toMatchObject({ code: "policy_denied" });
  });

  test("own containers lend their network, and listed networks are given by name", async () => {
    expect((await body({ networkMode: "container:mine" })).HostConfig["NetworkMode"]).toBe(
      `container:${"f".repeat(64)}`,
    );
    const policy = { networks: ["abcdef", "secret"] };
    expect((await body({ networkMode: "abcdef" }, { policy })).HostConfig["NetworkMode"]).toBe("secret");
    expect((await body({ networkMode: "default" })).HostConfig["NetworkMode"]).toBe("bridge");
  });

  test.each(["/a:/etc", "/a\0", "/", "//", "/./", "/a/..", "a"])("%j is no place to mount at", async (target) => {
    await expect(body({ anonymousVolumes: [target] })).rejects.toMatchObject({ code: "validation_error" });
    const mount = { Type: "tmpfs", Target: target };
    await expect(body(host({ Mounts: [mount] }))).rejects.toMatchObject({ code: "validation_error" });
  });

  test("limits are lowered to the engine's CPUs", async () => {
    const { HostConfig } = await body({}, { policy: { limits: { ...STRICT_POLICY.limits, cpus: 64 } } });
    expect(HostConfig["NanoCpus"]).toBe(8e9);
  });
});

describe("images", () => {
  test.each([
    [["app"], "app", "app:latest"],
    [["app:latest"], "app", "app:latest"],
    [["app:*"], "app:1", "app:1"],
    [["team/*:1"], "team/app:1", "team/app:1"],
    [["**"], "host:5000/team/app:1", "host:5000/team/app:1"],
    [["host:5000/app"], "host:5000/app", "host:5000/app:latest"],
    [[`app@sha256:*`], `app@sha256:${"a".repeat(64)}`, `app@sha256:${"a".repeat(64)}`],
  ])("%s allows %s", (images, reference, full) => {
    expect(allowedImage(reference, { images })).toBe(full);
  });

  test.each([
    [[], "app"],
    [["app"], "app:2"],
    [["app"], "library/app"],
    [["app"], "docker.io/library/app"],
    [["app"], `app@sha256:${"a".repeat(64)}`],
    [["team/*"], "team/group/app"],
    [["ap.:latest"], "app"],
    [["**"], "sha256:6f24b720352c85a1a1ff6a3ef92a07e845bc6c666efac1e02fec8ec959fb0ff0"],
    [["**"], "6f24b720352c"],
    [["**"], "6f24b720352c85a1a1ff6a3ef92a07e845bc6c666efac1e02fec8ec959fb0ff0"],
  ])("%s does not allow %s", (images, reference) => {
    expect(() => allowedImage(String(reference), { images: images as string[] })).toThrowError(
      expect.objectContaining({ code: "policy_denied" }),
    );
  });

  test.each(["", "APP", "a b", "app:", "-app", "app\n", "app:latest\0", "../app", "./app", "a".repeat(600)])(
    "%j is no reference",
    (reference) => {
      expect(() => allowedImage(reference, { images: ["**"] })).toThrowError(
        expect.objectContaining({ code: "validation_error" }),
      );
    },
  );

  test("a star stays within a part of the path, two do not", () => {
    expect(matchesGlob("a/*", "a/b")).toBe(true);
    expect(matchesGlob("a/*", "a/b/c")).toBe(false);
    expect(matchesGlob("a/**", "a/b/c")).toBe(true);
    expect(matchesGlob("a.c", "abc")).toBe(false);
    expect(matchesGlob("*", "a\nb")).toBe(true);
  });
});

describe("a policy file", () => {
  test("what it leaves out stays strict", () => {
    expect(toPolicy({})).toEqual(STRICT_POLICY);
    expect(toPolicy({ images: ["a"], limits: { memory: "2g" } })).toEqual({
      ...STRICT_POLICY,
      images: ["a"],
      limits: { ...STRICT_POLICY.limits, memoryBytes: 2 * 1024 ** 3 },
    });
  });

  test.each([
    [null, "the whole file"],
    [[], "the whole file"],
    ["images", "the whole file"],
    [{ image: [] }, "image"],
    [{ images: "a" }, "images"],
    [{ images: [1] }, "images"],
    [{ privileged: "yes" }, "privileged"],
    [{ privileged: 1 }, "privileged"],
    [{ bindRoots: ["relative"] }, "bindRoots"],
    [{ limits: { memory: "lots" } }, "limits.memory"],
    [{ limits: { memory: -1 } }, "limits.memory"],
    [{ limits: { cpus: 0 } }, "limits.cpus"],
    [{ limits: { cpus: "2" } }, "limits.cpus"],
    [{ limits: { pids: 1.5 } }, "limits.pids"],
    [{ limits: { swap: 1 } }, "limits.swap"],
    [{ concurrency: { requests: 0 } }, "concurrency.requests"],
    [{ concurrency: { sockets: 1 } }, "concurrency.sockets"],
    [{ limits: [] }, "limits"],
  ])("%j names the key %s", (document, key) => {
    expect(() => toPolicy(document)).toThrowError(
      expect.objectContaining({
        code: "CONFIG_INVALID",
        message: expect.stringContaining(`DOCKER_RUNNER_POLICY: ${key} `),
      }),
    );
  });

  test("every relaxation is named, and a strict policy has none", () => {
    expect(describeRelaxations(STRICT_POLICY)).toEqual([]);
    const relaxed = toPolicy({
      images: ["a", "b"],
      networks: ["bridge", "none", "x"],
      privileged: true,
      unmanaged: true,
      limits: { memory: "2g", pids: 10 },
      concurrency: { streams: 65 },
    });
    expect(describeRelaxations(relaxed)).toEqual([
      "images: a, b",
      "networks: x",
      "privileged: true",
      "unmanaged: true",
      `limits.memory: ${2 * 1024 ** 3}`,
      "concurrency.streams: 65",
    ]);
  });
});
