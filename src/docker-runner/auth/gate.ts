import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError } from "../api-error.ts";
import type { Authenticator } from "./authenticator.ts";
import { type BodyLimits, hasBody, receiveBody, UnverifiedBytes } from "./receive-body.ts";

/** The only requests without a signature, to the letter: `/v1/health/` and `/v1/health?x` are others. */
const OPEN_REQUESTS = new Set(["GET /v1/health", "GET /v1/ready"]);

/** How long the rest of a refused body is thrown away, so that its sender comes to read the answer. */
const LINGER_MS = 5_000;

/** Lets requests in, before anything looks at their paths or bodies. */
export class Gate {
  readonly #authenticator: Authenticator;
  readonly #unverified = new UnverifiedBytes();
  readonly #limits: BodyLimits | undefined;

  constructor(authenticator: Authenticator, limits?: BodyLimits) {
    this.#authenticator = authenticator;
    this.#limits = limits;
  }

  static isOpen({ method, url }: IncomingMessage): boolean {
    return OPEN_REQUESTS.has(`${method} ${url}`);
  }

  /**
   * Reads and verifies one request.
   *
   * @returns the bytes of its body.
   * @throws ApiError of a code of docker-runner.md §2; body_too_large (413) for a verified body that is too long.
   */
  async admit(
    request: IncomingMessage,
    response: ServerResponse,
    { isUpgrade }: { isUpgrade: boolean },
  ): Promise<Buffer> {
    try {
      return await this.#verify(request, isUpgrade);
    } catch (error) {
      if (!isUpgrade) discardRest(request, response);
      throw error;
    }
  }

  async #verify(request: IncomingMessage, isUpgrade: boolean): Promise<Buffer> {
    const credentials = this.#authenticator.checkHeaders(request.headers);
    // What follows the head of an upgrade is no body. One that announces a body all the same is signed by nobody.
    if (isUpgrade && hasBody(request)) throw new ApiError(401, "invalid_signature", "an upgrade has no body");
    const body = await receiveBody(request, this.#unverified, this.#limits);
    this.#authenticator.verify(credentials, {
      method: request.method ?? "",
      url: request.url ?? "",
      nonceAsSent: String(request.headers["x-dr-nonce"]),
      bodyHash: body.hash,
    });
    if (body.bytes === null) throw new ApiError(413, "body_too_large", "a body may have 64 MiB");
    return body.bytes;
  }
}

/**
 * A body that goes on after its answer must not be the next request's head, nor last for ever. Until it ends the connection
 * stays, also when its sender asked for the end of it: closing now would reset it, and the answer might be lost with it.
 */
function discardRest(request: IncomingMessage, response: ServerResponse): void {
  if (request.complete || !hasBody(request)) return;
  const { socket } = request;
  const wasToStay = response.shouldKeepAlive;
  response.shouldKeepAlive = true;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  request.once("end", () => {
    clearTimeout(timer);
    if (wasToStay) return;
    if (response.writableFinished) socket.end();
    else response.once("finish", () => socket.end());
  });
  socket.once("close", () => clearTimeout(timer));
  request.resume();
}
