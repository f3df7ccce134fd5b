import { AppError } from "../errors.ts";
import { describeOwner, type PortOwner } from "./port-owner.ts";

/** The error for a port that somebody else has. `owner` is null when it cannot be found out. */
export function portInUse(port: {
  host: string;
  port: number;
  owner: PortOwner | null;
  /** The home's UUID, null when it has none yet. */
  instance: string | null;
  /** Of the configuration: where another port is chosen. */
  setting: "server.port" | "docker_runner.port";
}): AppError {
  const { host, owner, instance, setting } = port;
  return new AppError("PORT_IN_USE", `Port ${port.port} on ${host} is taken`, {
    detail: owner === null ? "Its owner could not be found out." : describeOwner(owner, instance).sentence,
    hint: "End that program, or choose another port (0 picks a free one).",
    actions: [
      { label: "See who listens there", command: `ss -ltnp 'sport = :${port.port}'` },
      { label: "Use another port", command: `stigmer config set ${setting} 0` },
    ],
  });
}
