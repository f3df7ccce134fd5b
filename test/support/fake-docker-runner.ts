import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { DockerRunnerClient, type DockerRunnerClientOptions } from "../../src/docker-runner/client/client.ts";

export const SECRET = "a secret of the tests, long enough";

export interface Received {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

type Answer = (request: Received, response: ServerResponse) => void;

/** A docker-runner that answers what the test says, request by request, over real sockets. */
export class FakeDockerRunner implements AsyncDisposable {
  readonly received: Received[] = [];
  readonly server: Server;
  #answer: Answer;

  static async open(answer: Answer = (_request, response) => response.end("{}")): Promise<FakeDockerRunner> {
    const fake = new FakeDockerRunner(answer);
    fake.server.listen(0, "127.0.0.1");
    await once(fake.server, "listening");
    return fake;
  }

  private constructor(answer: Answer) {
    this.#answer = answer;
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { headers, method = "", url = "" } = request;
        const received = { method, url, headers, body: Buffer.concat(chunks) };
        this.received.push(received);
        this.#answer(received, response);
      });
    });
  }

  answerWith(answer: Answer): void {
    this.#answer = answer;
  }

  get url(): string {
    const { port } = this.server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  client(options: Partial<DockerRunnerClientOptions> = {}): DockerRunnerClient {
    return new DockerRunnerClient({ baseUrl: this.url, secret: SECRET, ...options });
  }

  /** Breaks every connection at once. */
  cut(): void {
    this.server.closeAllConnections();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    this.cut();
    await once(this.server, "close");
  }
}

export function refuse(
  response: ServerResponse,
  status: number,
  error: { code: string; retryable: boolean; details?: unknown },
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify({ error: { message: `refused with ${error.code}`, ...error } }));
}

/** Begins a stream of server-sent events; each frame is one event. */
export function beginStream(response: ServerResponse): (frame: unknown) => void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.flushHeaders();
  return (frame) => void response.write(`data: ${JSON.stringify(frame)}\n\n`);
}
