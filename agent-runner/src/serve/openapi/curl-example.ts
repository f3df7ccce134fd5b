import type { Json } from "../../protocol/messages.ts";

export interface CurlCaller {
  /** The request's `Host`; null where it has none. */
  host: string | null;
  needsToken: boolean;
}

/** A command that runs the workflow, with values of the right types. */
export function curlExample(inputs: Json, { host, needsToken }: CurlCaller): string {
  const address = host !== null && /^[\w.-]+(:\d+)?$|^\[[\da-f:]+\](:\d+)?$/i.test(host) ? host : "localhost:8000";
  const lines = [
    `curl -sS ${quote(`http://${address}/run`)}`,
    "-H 'content-type: application/json'",
    ...(needsToken ? ['-H "authorization: Bearer $API_TOKEN"'] : []),
    `-d ${quote(JSON.stringify(exampleOf(inputs)))}`,
  ];
  return lines.join(" \\\n  ");
}

/** For a POSIX shell; an apostrophe ends the quotes, stands escaped, and begins them again. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A value that the schema takes: the default where there is one, of an object what is required. */
function exampleOf(schema: Json): Json {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return null;
  if (schema["default"] !== undefined) return schema["default"];
  switch (schema["type"]) {
    case "string":
      return "text";
    case "integer":
      return 1;
    case "number":
      return 1.5;
    case "boolean":
      return true;
    case "array":
      return schema["items"] === undefined ? [] : [exampleOf(schema["items"])];
    case "object":
      return exampleObject(schema);
    default:
      return null;
  }
}

function exampleObject(schema: { [key: string]: Json }): Json {
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const properties = Object.entries((schema["properties"] ?? {}) as { [name: string]: Json });
  return Object.fromEntries(
    properties.filter(([name]) => required.includes(name)).map(([name, property]) => [name, exampleOf(property)]),
  );
}
