import type { SwaggerOptions } from "@fastify/swagger";
import { packageVersion } from "../platform/package.ts";

/** What `/openapi.json` says beyond the routes. */
export function openApiOptions(): SwaggerOptions {
  return {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "docker-runner",
        description:
          "Containers, execs, logs and events without the Docker socket. Every request but health and ready is signed; see docs/docker-runner.md.",
        version: packageVersion(),
      },
      components: {
        securitySchemes: {
          signature: {
            type: "apiKey",
            in: "header",
            name: "x-dr-signature",
            description:
              "base64 of HMAC-SHA256 over METHOD, path and query, x-dr-timestamp, x-dr-nonce and base64(SHA-256(body)), joined by LF",
          },
        },
      },
      security: [{ signature: [] }],
    },
  };
}
