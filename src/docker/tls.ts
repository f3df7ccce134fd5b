import { readFileSync } from "node:fs";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { join } from "node:path";
import { systemErrorCode } from "../errors.ts";
import type { DockerEndpoint } from "./engine.ts";

/**
 * The agent of one endpoint. By default connections are not kept: on a local socket a new one costs microseconds, and a
 * kept one that died with a restarted daemon would fail the next, innocent request.
 */
export function createAgent(endpoint: DockerEndpoint, { keepAlive } = { keepAlive: false }): HttpAgent {
  if (endpoint.tls === undefined) return new HttpAgent({ keepAlive });
  const { certificateDirectory, verify } = endpoint.tls;
  const pem = (name: string) => readPem(join(certificateDirectory, name));
  return new HttpsAgent({
    keepAlive,
    rejectUnauthorized: verify,
    ...withoutUndefined({ ca: pem("ca.pem"), cert: pem("cert.pem"), key: pem("key.pem") }),
  });
}

function readPem(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined; // Each of the three is optional on its own.
    throw error;
  }
}

function withoutUndefined<T extends Record<string, Buffer | undefined>>(values: T): { [K in keyof T]?: Buffer } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Buffer;
  };
}
