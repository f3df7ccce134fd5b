import { chmod } from "node:fs/promises";
import type { Server } from "node:http";
import { AppError, systemErrorCode } from "../errors.ts";
import { toFileError } from "../platform/file-error.ts";
import { readTextIfExists, removeIfExists, writeFileAtomic } from "../platform/files.ts";
import type { HomePaths } from "../platform/paths.ts";
import { portInUse } from "../platform/port-in-use.ts";
import { findListener } from "../platform/ports.ts";
import { recordSocketPath } from "./socket-path.ts";

/**
 * Binds the CLI's socket, readable by its owner alone. Whoever calls this owns the home, so a socket file that is
 * there belongs to nobody any more.
 */
export async function listenOnSocket(server: Server, paths: HomePaths): Promise<void> {
  await removeIfExists(paths.socketFile);
  // The file must never be open to others, not even between bind and chmod; Node binds before `listen` returns.
  const umask = process.umask(0o177);
  const listening = listen(server, { path: paths.socketFile });
  process.umask(umask);
  await listening.catch((error: unknown) => {
    throw toFileError(error, paths.socketFile); // A socket is a file: the disk may be full.
  });
  await chmod(paths.socketFile, 0o600);
  await recordSocketPath(paths);
}

/**
 * Binds the API for runners and records the port, which survives a crash so that a container can be adopted.
 * @returns the port. @throws AppError PORT_IN_USE naming the owner.
 */
export async function listenOnPort(
  server: Server,
  wanted: { host: string; port: number; instance: string },
  paths: HomePaths,
): Promise<number> {
  const recorded = wanted.port === 0 ? Number((await readTextIfExists(paths.portFile))?.trim() ?? "0") : 0;
  const candidates = wanted.port !== 0 ? [wanted.port] : isPort(recorded) ? [recorded, 0] : [0];
  for (const port of candidates) {
    try {
      await listen(server, { host: wanted.host, port });
      break;
    } catch (error) {
      if (systemErrorCode(error) !== "EADDRINUSE") throw toListenError(error, wanted.host, port);
      if (port !== candidates.at(-1)) continue;
      const { host, instance } = wanted;
      throw portInUse({ host, port, owner: await findListener(port, host), instance, setting: "server.port" });
    }
  }
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : wanted.port;
  await writeFileAtomic(paths.portFile, `${port}\n`);
  return port;
}

function toListenError(error: unknown, host: string, port: number): AppError {
  const code = systemErrorCode(error);
  if (code === "EACCES") {
    return new AppError("PERMISSION_DENIED", `Port ${port} on ${host} may not be opened by this user`, {
      actions: [{ label: "Use a port from 1024 on", command: "stigmer config set server.port 7234" }],
      cause: error,
    });
  }
  return new AppError("CONFIG_INVALID", `The server cannot listen on ${host}:${port} (${code ?? String(error)})`, {
    hint: "server.host must be an address of this machine.",
    actions: [{ label: "Listen on loopback", command: "stigmer config set server.host 127.0.0.1" }],
    cause: error,
  });
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value < 65_536;
}

function listen(server: Server, where: { path: string } | { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
