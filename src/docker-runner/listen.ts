import type { Server } from "node:http";
import { AppError, systemErrorCode } from "../errors.ts";
import { describeOwner, findListener } from "../platform/ports.ts";

export interface Address {
  host: string;
  port: number;
  /** The variables that name them. */
  hostVariable: string;
  portVariable: string;
}

/** @throws AppError PORT_IN_USE naming the port and its owner; PERMISSION_DENIED; CONFIG_INVALID for a wrong host. */
export async function listen(server: Server, address: Address): Promise<void> {
  const { host, port } = address;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port }, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } catch (error) {
    throw await toListenError(error, address);
  }
}

async function toListenError(error: unknown, { host, hostVariable, port, portVariable }: Address): Promise<AppError> {
  switch (systemErrorCode(error)) {
    case "EADDRINUSE": {
      const owner = await findListener(port, host).catch(() => null);
      return new AppError("PORT_IN_USE", `Port ${port} on ${host} is taken`, {
        detail: owner === null ? null : describeOwner(owner, "").sentence,
        hint: `End that program, or give the service another port in ${portVariable}`,
        cause: error,
      });
    }
    case "EACCES":
      return new AppError("PERMISSION_DENIED", `Port ${port} may not be opened by this user`, {
        hint: `Give ${portVariable} a port from 1024 on`,
        cause: error,
      });
    default:
      return new AppError(
        "CONFIG_INVALID",
        `${hostVariable}: the service cannot listen on ${host} (${String(error)})`,
        {
          cause: error,
        },
      );
  }
}
