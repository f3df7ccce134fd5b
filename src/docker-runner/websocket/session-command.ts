import { validationError } from "../api-error.ts";

/** What a session runs, from its query or its start frame. */
export interface SessionCommand {
  command: string | string[];
  workdir: string | undefined;
  env: Record<string, string>;
  tty: boolean;
  /** False sends stderr as stdout. */
  demux: boolean;
}

export interface SessionQuery {
  containerId: string;
  /** Of a command, as far as the query has them; a start frame gives the others. */
  fields: Record<string, unknown>;
}

const COMMAND_FIELDS = ["command", "workdir", "tty", "demux", "env"];

/** @throws ApiError validation_error, for which the socket is closed with 4000. */
export function readSessionQuery(query: unknown): SessionQuery {
  const { containerId, ...parameters } = query as Record<string, unknown>;
  if (typeof containerId !== "string" || !/^[A-Za-z0-9][A-Za-z0-9_.-]{0,255}$/.test(containerId)) {
    throw validationError("containerId is an ID or a name");
  }
  const fields = Object.entries(parameters).map(([name, value]) => {
    if (typeof value !== "string") throw validationError(`${name} must be given once`);
    return [name, readParameter(name, value)];
  });
  return { containerId, fields: Object.fromEntries(fields) };
}

function readParameter(name: string, text: string): unknown {
  switch (name) {
    case "command":
      return readCommandText(text);
    case "workdir":
      return text;
    case "tty":
    case "demux":
      if (text !== "true" && text !== "false") throw validationError(`${name} is true or false`);
      return text === "true";
    case "env":
      return parseJson(text, name);
    default:
      throw validationError(`there is no query parameter ${name}`);
  }
}

/** @throws ApiError validation_error */
export function toSessionCommand(fields: Record<string, unknown>): SessionCommand {
  const stray = Object.keys(fields).find((name) => !COMMAND_FIELDS.includes(name));
  if (stray !== undefined) throw validationError(`a start frame has no ${stray}`);
  const { command, demux = true, env = {}, tty = false, workdir } = fields;
  const isWords = Array.isArray(command) && command.every((word) => typeof word === "string");
  if (!(isWords || typeof command === "string") || command.length === 0) {
    throw validationError("command is a text or a list of texts, and not empty");
  }
  if (workdir !== undefined && typeof workdir !== "string") throw validationError("workdir is a path");
  if (typeof tty !== "boolean" || typeof demux !== "boolean") throw validationError("tty and demux are true or false");
  return { command, workdir, env: readEnvironment(env), tty, demux };
}

function readEnvironment(env: unknown): Record<string, string> {
  if (typeof env !== "object" || env === null || Array.isArray(env)) throw validationError("env is a map of texts");
  const read: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (name === "" || name.includes("=") || typeof value !== "string") throw validationError("env is a map of texts");
    read[name] = value;
  }
  return read;
}

/** A JSON list is a list of words; anything else is text for a shell. */
function readCommandText(text: string): unknown {
  if (!text.startsWith("[")) return text;
  try {
    const words: unknown = JSON.parse(text);
    return Array.isArray(words) && words.every((word) => typeof word === "string") ? words : text;
  } catch {
    return text; // `[ -f x ] && …` is shell.
  }
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw validationError(`${name} is JSON`);
  }
}
