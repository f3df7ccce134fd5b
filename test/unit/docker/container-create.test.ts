import { expect, it } from "vitest";
import { containerCreateBody } from "../../../src/docker/container-create.ts";
import type { ContainerSpecification } from "../../../src/docker/engine.ts";

const specification: ContainerSpecification = {
  name: "stigmer-agent-runner",
  image: "stigmer-agent-runner:local",
  labels: { a: "b" },
  env: { MODE: "local", URL: "http://h?a=b" },
  user: "1000:1000",
  networkMode: "host",
  extraHosts: ["host.docker.internal:host-gateway"],
  binds: [{ hostPath: "/home/ada/my: folder", containerPath: "/workspace", readOnly: false }],
  memoryBytes: 1024,
  pidsLimit: 512,
  command: null,
  init: true,
  logMaxSizeBytes: 10_485_760,
  logMaxFiles: 5,
};

it("a container is created with its hardening, limits, log driver and restart policy spelled out", () => {
  expect(containerCreateBody(specification)).toEqual({
    Image: "stigmer-agent-runner:local",
    Labels: { a: "b" },
    Env: ["MODE=local", "URL=http://h?a=b"],
    User: "1000:1000",
    Tty: false,
    OpenStdin: false,
    StopSignal: "SIGTERM",
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      NetworkMode: "host",
      ExtraHosts: ["host.docker.internal:host-gateway"],
      Mounts: [{ Type: "bind", Source: "/home/ada/my: folder", Target: "/workspace", ReadOnly: false }],
      Memory: 1024,
      MemorySwap: 1024,
      PidsLimit: 512,
      Privileged: false,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      RestartPolicy: { Name: "no" },
      AutoRemove: false,
      LogConfig: { Type: "json-file", Config: { "max-size": "10485760", "max-file": "5" } },
      Init: true,
    },
  });
});

it("a command replaces the image's, and only when there is one", () => {
  expect(containerCreateBody({ ...specification, command: ["sh", "-c", "true"] })).toMatchObject({
    Cmd: ["sh", "-c", "true"],
  });
  expect(containerCreateBody(specification)).not.toHaveProperty("Cmd");
});

it("a port is published on the host's loopback alone, and a volume is mounted by its name", () => {
  const body = containerCreateBody({
    ...specification,
    loopbackPorts: [{ hostPort: 9000, containerPort: 8000 }],
    volumes: [{ name: "jobs", containerPath: "/data" }],
    restartPolicy: "unless-stopped",
    cpus: 0.5,
    keepsHealthcheck: true,
  });
  expect(body).toMatchObject({
    ExposedPorts: { "8000/tcp": {} },
    HostConfig: {
      PortBindings: { "8000/tcp": [{ HostIp: "127.0.0.1", HostPort: "9000" }] },
      RestartPolicy: { Name: "unless-stopped" },
      NanoCpus: 500_000_000,
    },
  });
  expect(body).toHaveProperty(
    "HostConfig.Mounts",
    expect.arrayContaining([{ Type: "volume", Source: "jobs", Target: "/data" }]),
  );
  expect(body).not.toHaveProperty("Healthcheck");
});
