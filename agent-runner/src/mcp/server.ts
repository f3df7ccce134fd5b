import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { ExecutionFailure } from "../agent/execution-failure.ts";
import type { AgentDefinition } from "../definitions/agent-schema.ts";
import type { ToolOffer } from "../models/model.ts";
import type { Json } from "../protocol/messages.ts";
import type { ToolResult } from "../tools/tool.ts";
import { VERSION } from "../version.ts";
import { createOfferNames } from "./offer-name.ts";
import { GroupTransport } from "./stdio-transport.ts";

/** `npx` may have to download the server first. */
const CONNECT_LIMIT_MS = 60_000;
const CALL_LIMIT_MS = 5 * 60_000;
/** Of a server with more tools, this many pages are read. */
const MOST_PAGES = 20;

export type McpServerSpec = AgentDefinition["spec"]["mcp_servers"][number];

export interface McpTool extends ToolOffer {
  idempotent: boolean;
  /** @throws the signal's reason, or an error for the model. */
  call(args: { [key: string]: Json }, signal: AbortSignal): Promise<ToolResult>;
}

export interface McpServer {
  /** Named `<server>__<tool>`, so that two servers may have a tool of one name. */
  tools: McpTool[];
  close(): Promise<void>;
}

export interface McpContext {
  workspaceRoot: string;
  environment: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

/** Starts or reaches one server and asks for its tools. @throws ExecutionFailure, or the signal's reason. */
export async function openMcpServer(spec: McpServerSpec, context: McpContext): Promise<McpServer> {
  const transport = createTransport(spec, context);
  const client = new Client({ name: "stigmer", version: VERSION });
  const options = { signal: context.signal, timeout: CONNECT_LIMIT_MS };
  try {
    // A cast at the boundary of the SDK: its own transport's types are looser than exactOptionalPropertyTypes allows.
    await client.connect(transport as Transport, options);
    return { tools: await listTools(spec.name, client, options), close: () => client.close() };
  } catch (error) {
    await transport.close();
    if (context.signal.aborted) throw context.signal.reason;
    const complaints =
      transport instanceof GroupTransport && transport.complaints !== "" ? `: ${transport.complaints}` : "";
    const message = `the MCP server "${spec.name}" cannot be used: ${describe(error)}${complaints}`;
    throw new ExecutionFailure("EXECUTION_FAILED", message, { cause: error });
  }
}

function createTransport(spec: McpServerSpec, { workspaceRoot, environment }: McpContext) {
  if (spec.url !== null) return new StreamableHTTPClientTransport(new URL(spec.url));
  const [file = "", ...args] = spec.command ?? [];
  return new GroupTransport({ file, args, directory: workspaceRoot, environment });
}

async function listTools(
  server: string,
  client: Client,
  options: { signal: AbortSignal; timeout: number },
): Promise<McpTool[]> {
  const tools: McpTool[] = [];
  const offerName = createOfferNames(server);
  let cursor: string | undefined;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer = await client.listTools(cursor === undefined ? {} : { cursor }, options);
    for (const tool of answer.tools) {
      tools.push({
        name: offerName(tool.name),
        description: tool.description ?? "",
        parameters: JSON.parse(JSON.stringify(tool.inputSchema)) as { [key: string]: Json },
        idempotent: tool.annotations?.readOnlyHint === true || tool.annotations?.idempotentHint === true,
        call: (args, signal) => callTool(client, { name: tool.name, arguments: args }, signal),
      });
    }
    cursor = answer.nextCursor;
    if (cursor === undefined) break;
  }
  return tools;
}

async function callTool(
  client: Client,
  request: { name: string; arguments: { [key: string]: Json } },
  signal: AbortSignal,
): Promise<ToolResult> {
  try {
    const result = await client.callTool(request, undefined, { signal, timeout: CALL_LIMIT_MS });
    const content = Array.isArray(result.content) ? result.content : [];
    return { ok: result.isError !== true, output: content.map(describeContent).join("\n") };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw error;
  }
}

function describeContent(part: { type: string; text?: unknown; resource?: { text?: unknown } }): string {
  if (typeof part.text === "string") return part.text;
  return typeof part.resource?.text === "string" ? part.resource.text : `[${part.type}, not shown]`;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
