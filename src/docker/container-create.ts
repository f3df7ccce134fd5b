import type { ContainerSpecification } from "./engine.ts";

/** The body of `POST /containers/create`. What the engine would fill in by itself is written out. */
export function containerCreateBody(specification: ContainerSpecification): object {
  const { command, env, image, init, labels, user } = specification;
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
    Healthcheck: { Test: ["NONE"] },
    HostConfig: { ...hostConfig(specification), Init: init },
  };
}

function hostConfig(specification: ContainerSpecification): object {
  const { binds, extraHosts, logMaxFiles, logMaxSizeBytes, memoryBytes, networkMode, pidsLimit } = specification;
  return {
    NetworkMode: networkMode,
    ExtraHosts: extraHosts,
    // Mounts, not Binds: a host folder that is missing is refused, not made for root, and paths may hold colons.
    Mounts: binds.map(({ containerPath, hostPath, readOnly }) => ({
      Type: "bind",
      Source: hostPath,
      Target: containerPath,
      ReadOnly: readOnly,
    })),
    Memory: memoryBytes,
    MemorySwap: memoryBytes, // The sum of both: no swap on top, so that the limit means what it says.
    PidsLimit: pidsLimit,
    Privileged: false,
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges"],
    RestartPolicy: { Name: "no" }, // The supervisor owns restarts.
    AutoRemove: false,
    LogConfig: {
      Type: "json-file",
      Config: { "max-size": String(logMaxSizeBytes), "max-file": String(logMaxFiles) },
    },
  };
}
