import type { ContainerSpecification } from "./engine.ts";

/** The body of `POST /containers/create`. What the engine would fill in by itself is written out. */
export function containerCreateBody(specification: ContainerSpecification): object {
  const { command, env, image, init, keepsHealthcheck, labels, loopbackPorts, user } = specification;
  return {
    Image: image,
    Labels: labels,
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    User: user,
    ...(command === null ? {} : { Cmd: command }),
    Tty: false,
    OpenStdin: false,
    StopSignal: "SIGTERM",
    // Readiness is pushed to the supervisor; the image's own check would cost the engine an exec every interval.
    ...(keepsHealthcheck === true ? {} : { Healthcheck: { Test: ["NONE"] } }),
    ...(loopbackPorts === undefined ? {} : { ExposedPorts: byPort(loopbackPorts, () => ({})) }),
    HostConfig: { ...hostConfig(specification), Init: init },
  };
}

function hostConfig(specification: ContainerSpecification): object {
  const { binds, cpus, extraHosts, logMaxFiles, logMaxSizeBytes, loopbackPorts, memoryBytes } = specification;
  const { networkMode, pidsLimit, restartPolicy = "no", volumes = [] } = specification;
  return {
    NetworkMode: networkMode,
    ExtraHosts: extraHosts,
    // Mounts, not Binds: a host folder that is missing is refused, not made for root, and paths may hold colons.
    Mounts: [
      ...binds.map(({ containerPath, hostPath, readOnly }) => ({
        Type: "bind",
        Source: hostPath,
        Target: containerPath,
        ReadOnly: readOnly,
      })),
      ...volumes.map(({ containerPath, name }) => ({ Type: "volume", Source: name, Target: containerPath })),
    ],
    ...(loopbackPorts === undefined ? {} : { PortBindings: byPort(loopbackPorts, toBinding) }),
    ...(cpus === undefined ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
    Memory: memoryBytes,
    MemorySwap: memoryBytes, // The sum of both: no swap on top, so that the limit means what it says.
    PidsLimit: pidsLimit,
    Privileged: false,
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges"],
    RestartPolicy: { Name: restartPolicy }, // Of the stack's containers the supervisor owns the restarts.
    AutoRemove: false,
    LogConfig: {
      Type: "json-file",
      Config: { "max-size": String(logMaxSizeBytes), "max-file": String(logMaxFiles) },
    },
  };
}

type LoopbackPort = NonNullable<ContainerSpecification["loopbackPorts"]>[number];

function byPort(ports: LoopbackPort[], describe: (port: LoopbackPort) => object): object {
  return Object.fromEntries(ports.map((port) => [`${port.containerPort}/tcp`, describe(port)]));
}

function toBinding({ hostPort }: LoopbackPort): object {
  return [{ HostIp: "127.0.0.1", HostPort: String(hostPort) }];
}
