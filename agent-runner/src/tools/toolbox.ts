import { nearestName } from "../definitions/nearest.ts";
import type { StoredSkill } from "../definitions/skills.ts";
import type { McpServer, McpServerSpec, McpTool } from "../mcp/server.ts";
import type { ToolOffer } from "../models/model.ts";
import type { Json } from "../protocol/messages.ts";
import { boundText } from "./bounded-text.ts";
import { fileEdit } from "./file-edit.ts";
import { fileGlob } from "./file-glob.ts";
import { fileRead } from "./file-read.ts";
import { fileSearch } from "./file-search.ts";
import { fileWrite } from "./file-write.ts";
import type { ToolName } from "./names.ts";
import { shell } from "./shell.ts";
import { createSkillTool, SKILL_TOOL } from "./skill-read.ts";
import { OUTPUT_LIMIT_BYTES, type Tool, type ToolContext, ToolError, type ToolResult } from "./tool.ts";
import { webFetch } from "./web-fetch.ts";
import { webSearch } from "./web-search.ts";

/** The tools of one execution. */
export interface Toolbox {
  /** As the model is told of them. */
  offers: ToolOffer[];
  isIdempotent: (tool: string) => boolean;
  /**
   * Runs a tool as the model asked. Whatever is wrong with the request or goes wrong in the tool is a result.
   * @throws the signal's reason
   */
  run(tool: string, args: Json, signal: AbortSignal): Promise<ToolResult>;
  /** Ends the MCP servers. */
  close(): Promise<void>;
}

const BUILT_IN: Record<ToolName, Tool> = {
  file_read: fileRead,
  file_write: fileWrite,
  file_edit: fileEdit,
  file_glob: fileGlob,
  file_search: fileSearch,
  shell,
  web_fetch: webFetch,
  web_search: webSearch,
};

export interface ToolboxOptions extends ToolContext {
  names: readonly ToolName[];
  mcpServers: readonly McpServerSpec[];
  skills: readonly StoredSkill[];
}

/** Opens the MCP servers, all at once. @throws ExecutionFailure, or the signal's reason. */
export async function openToolbox({ names, mcpServers, skills, ...context }: ToolboxOptions): Promise<Toolbox> {
  const servers = await openServers(mcpServers, context);
  const builtIn = names.map((name): Usable => useBuiltIn(name, BUILT_IN[name], context));
  if (skills.length > 0) builtIn.push(useBuiltIn(SKILL_TOOL, createSkillTool(skills), context));
  const tools = new Map(
    [...builtIn, ...servers.flatMap((server) => server.tools.map(useMcp))].map((tool) => [tool.offer.name, tool]),
  );
  return {
    offers: [...tools.values()].map(({ offer }) => offer),
    isIdempotent: (name) => tools.get(name)?.idempotent ?? true,
    async run(name, args, signal) {
      try {
        const tool = tools.get(name);
        if (tool === undefined) throw new ToolError(explainUnknown(name, [...tools.keys()]));
        const { ok, output } = await tool.run(args, signal);
        return { ok, output: boundText(output, OUTPUT_LIMIT_BYTES) };
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        const message = error instanceof Error ? error.message : String(error);
        return { ok: false, output: boundText(`error: ${message}`, OUTPUT_LIMIT_BYTES) };
      }
    },
    async close() {
      await Promise.allSettled(servers.map((server) => server.close()));
    },
  };
}

/** A tool of either kind. */
interface Usable {
  offer: ToolOffer;
  idempotent: boolean;
  run(args: Json, signal: AbortSignal): Promise<ToolResult>;
}

function useBuiltIn(name: string, tool: Tool, context: ToolContext): Usable {
  return {
    offer: offer(name, tool),
    idempotent: tool.idempotent,
    run: async (args, signal) => await tool.run(readArguments(name, tool, args), { ...context, signal }),
  };
}

function useMcp({ name, description, parameters, idempotent, call }: McpTool): Usable {
  return {
    offer: { name, description, parameters },
    idempotent,
    run: async (args, signal) => await call(requireObject(name, args), signal),
  };
}

/** The SDK is loaded for agents that have servers only: it is the largest part of the runner. */
async function openServers(specs: readonly McpServerSpec[], context: ToolContext): Promise<McpServer[]> {
  if (specs.length === 0) return [];
  const { openMcpServer } = await import("../mcp/server.ts");
  const opened = await Promise.allSettled(specs.map((spec) => openMcpServer(spec, context)));
  const servers = opened.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const failure = opened.find((result) => result.status === "rejected");
  if (failure === undefined) return servers;
  await Promise.allSettled(servers.map((server) => server.close()));
  throw failure.reason;
}

function offer(name: string, { description, parameters }: Tool): ToolOffer {
  const properties = Object.fromEntries(
    Object.entries(parameters).map(([key, meaning]) => [key, { type: "string", description: meaning }]),
  );
  const required = Object.keys(parameters);
  return { name, description, parameters: { type: "object", properties, required, additionalProperties: false } };
}

function explainUnknown(name: string, known: string[]): string {
  if (known.length === 0) return `there is no tool "${name}": this agent has no tools`;
  const nearest = nearestName(name, known);
  return `there is no tool "${name}"${nearest === null ? "" : `, did you mean "${nearest}"?`}: the tools are ${known.join(", ")}`;
}

function requireObject(name: string, given: Json): { [key: string]: Json } {
  if (typeof given === "object" && given !== null && !Array.isArray(given)) return given;
  throw new ToolError(`what was given to ${name} as its arguments is not a JSON object`);
}

function readArguments(name: string, { parameters }: Tool, json: Json): Record<string, string> {
  const given = requireObject(name, json);
  const problems: string[] = [];
  const args: Record<string, string> = {};
  for (const key of Object.keys(parameters)) {
    const value = given[key];
    if (typeof value === "string") args[key] = value;
    else problems.push(value === undefined ? `"${key}" is missing` : `"${key}" must be a string`);
  }
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(parameters, key)) problems.push(`"${key}" is unknown`);
  }
  if (problems.length > 0) {
    throw new ToolError(`wrong arguments for ${name}: ${problems.join(", ")}; it takes ${listKeys(parameters)}`);
  }
  return args;
}

function listKeys(parameters: Tool["parameters"]): string {
  return `{${Object.keys(parameters).join(", ")}}`;
}
