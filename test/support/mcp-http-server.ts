import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface Message {
  id?: number;
  method: string;
  params?: { protocolVersion?: string; arguments?: { a: number; b: number } };
}

export interface McpHttpServer extends AsyncDisposable {
  url: string;
  /** The methods that were asked for, in order. */
  methods: string[];
}

const SESSION = "the-session";
const ADD = {
  name: "add",
  inputSchema: { type: "object", properties: { a: { type: "number" }, b: { type: "number" } } },
};

/**
 * An MCP server over streamable HTTP, in the wire format itself, with one tool `add`. Its answers are plain JSON, or
 * events of a stream; all but the first request have to name the session.
 */
export async function startMcpHttpServer(answers: "json" | "stream"): Promise<McpHttpServer> {
  const methods: string[] = [];
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    methods,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== "POST") return void response.writeHead(405).end();
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString("utf8")) as Message;
    methods.push(method);
    if (method !== "initialize" && request.headers["mcp-session-id"] !== SESSION) {
      return void response.writeHead(404).end();
    }
    if (id === undefined) return void response.writeHead(202).end();
    const answer = JSON.stringify({ jsonrpc: "2.0", id, result: resultOf(method, params) });
    response.setHeader("mcp-session-id", SESSION);
    if (answers === "json") response.writeHead(200, { "content-type": "application/json" }).end(answer);
    else response.writeHead(200, { "content-type": "text/event-stream" }).end(`event: message\ndata: ${answer}\n\n`);
  }
}

function resultOf(method: string, params: Message["params"]): object {
  switch (method) {
    case "initialize":
      return {
        protocolVersion: params?.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: "fixture", version: "1" },
      };
    case "tools/list":
      return { tools: [ADD] };
    case "tools/call": {
      const { a, b } = params?.arguments ?? { a: 0, b: 0 };
      return { content: [{ type: "text", text: String(a + b) }] };
    }
    default:
      return {};
  }
}
