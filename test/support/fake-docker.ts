import { once } from "node:events";
import { rename } from "node:fs/promises";
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSocketServer, type Server, type Socket } from "node:net";

export interface FakeDocker extends AsyncDisposable {
  /** `METHOD URL`, in order, pings left out. */
  readonly requests: string[];
  readonly socketPath: string;
  /** Breaks every connection and stops to listen, as a daemon that is killed. */
  crash(): Promise<void>;
}

export type AnswerRequest = (request: IncomingMessage, response: ServerResponse) => void;

/** An HTTP server on a unix socket that pings like an engine of `apiVersion` and answers the rest as the test says. */
export async function serveFakeDocker(
  socketPath: string,
  answer: AnswerRequest = (_request, response) => response.end(),
  apiVersion: string | null = "1.41",
): Promise<FakeDocker> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    if (request.url?.startsWith("/_ping")) {
      if (apiVersion !== null) response.setHeader("Api-Version", apiVersion);
      response.end("OK");
      return;
    }
    requests.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  await listen(server, socketPath);
  const crash = () => close(server);
  return { requests, socketPath, crash, [Symbol.asyncDispose]: crash };
}

/** A unix socket whose connections the test treats as it likes. */
export async function serveSocket(
  socketPath: string,
  onConnection: (socket: Socket) => void,
): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createSocketServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // The other side may hang up at any moment.
    onConnection(socket);
  });
  await listen(server, socketPath);
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** A socket file that nobody serves, as a killed daemon leaves it: closing would remove it under its own name only. */
export async function leaveStaleSocket(socketPath: string): Promise<void> {
  const server = createSocketServer();
  await listen(server, `${socketPath}.tmp`);
  await rename(`${socketPath}.tmp`, socketPath);
  server.close();
  await once(server, "close");
}

async function listen(server: Server, socketPath: string): Promise<void> {
  server.listen(socketPath);
  await once(server, "listening");
}

async function close(server: HttpServer): Promise<void> {
  if (!server.listening) return;
  server.close();
  server.closeAllConnections();
  await once(server, "close");
}
