import { createServer } from "node:net";
import { AppError, systemErrorCode } from "../errors.ts";
import { findListenerByLsof } from "./listener-lsof.ts";
import { findListenerInProc } from "./listener-proc.ts";
import type { PortOwner } from "./port-owner.ts";

export { describeOwner, type PortOwner } from "./port-owner.ts";

/**
 * Who listens on a TCP port of this machine; null when nobody does. With `host`, only a listener that stands in the way of
 * one on that address counts. A process that is another user's is told without its PID.
 */
export async function findListener(port: number, host?: string): Promise<PortOwner | null> {
  return process.platform === "linux" ? findListenerInProc(port, host) : findListenerByLsof(port, host);
}

/**
 * Tries it: binds and lets go.
 *
 * @throws AppError PERMISSION_DENIED for a port that the user may not have, CONFIG_INVALID for an address that this machine
 *   has not.
 */
export async function isPortFree(host: string, port: number): Promise<boolean> {
  return (await tryToBind(host, port)) !== null;
}

/** A port that was free a moment ago; somebody else can be quicker. @throws AppError, as isPortFree does. */
export async function pickFreePort(host: string): Promise<number> {
  const port = await tryToBind(host, 0);
  if (port === null) throw new AppError("PORT_IN_USE", `no free port is left on ${host}`, { retryable: true });
  return port;
}

/** The port that was bound, or null when it is taken. */
async function tryToBind(host: string, port: number): Promise<number | null> {
  const server = createServer();
  try {
    return await new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port, exclusive: true }, () => {
        const address = server.address();
        server.close(() => resolve(typeof address === "object" && address !== null ? address.port : port));
      });
    });
  } catch (error) {
    return explainBindFailure(error, host, port);
  }
}

function explainBindFailure(error: unknown, host: string, port: number): null {
  switch (systemErrorCode(error)) {
    case "EADDRINUSE":
      return null;
    case "EACCES":
    case "EPERM":
      throw new AppError("PERMISSION_DENIED", `port ${port} needs rights that this user has not`, {
        hint: "Choose a port above 1023: stigmer config set server.port PORT",
        cause: error,
      });
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EINVAL":
      throw new AppError("CONFIG_INVALID", `${host} is no address of this machine`, {
        hint: "Use the loopback address: stigmer config set server.host 127.0.0.1",
        cause: error,
      });
    default:
      throw error;
  }
}
