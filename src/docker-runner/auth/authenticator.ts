import type { IncomingHttpHeaders } from "node:http";
import { ApiError } from "../api-error.ts";
import type { NonceStore } from "./nonce-store.ts";
import { isSignedBy } from "./signature.ts";

/** The wall clock, and how long this process has been running by a clock that nobody sets. */
export interface AuthClock {
  nowMs(): number;
  uptimeMs(): number;
}

/** `performance.now` counts from the process's start. */
const processClock: AuthClock = { nowMs: () => Date.now(), uptimeMs: () => performance.now() };

/** What the headers of one request claim, before its body is known. */
export interface Credentials {
  timestamp: string;
  timestampMs: number;
  nonce: string;
  signature: string;
}

export interface AuthenticatorOptions {
  secrets: readonly string[];
  ttlMs: number;
  nonces: NonceStore;
  clock?: AuthClock;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The two halves of authentication (docker-runner.md §2): what the headers alone tell, and what needs the body's hash. */
export class Authenticator {
  readonly #options: Required<AuthenticatorOptions>;

  constructor(options: AuthenticatorOptions) {
    this.#options = { clock: processClock, ...options };
  }

  /** @throws ApiError missing_headers, invalid_timestamp, timestamp_out_of_range or replayed_nonce, in this order. */
  checkHeaders(headers: IncomingHttpHeaders): Credentials {
    const timestamp = textOf(headers["x-dr-timestamp"]);
    const nonce = textOf(headers["x-dr-nonce"]);
    const signature = textOf(headers["x-dr-signature"]);
    if (timestamp === "" || nonce === "" || signature === "" || !UUID.test(nonce)) {
      throw unauthorized("missing_headers", "x-dr-timestamp, x-dr-nonce (a UUID) and x-dr-signature are needed");
    }
    if (!/^\d{1,15}$/.test(timestamp)) {
      throw unauthorized("invalid_timestamp", "x-dr-timestamp must be milliseconds since the epoch");
    }
    const credentials = { timestamp, timestampMs: Number(timestamp), nonce: nonce.toLowerCase(), signature };
    this.#checkTime(credentials.timestampMs);
    if (this.#options.nonces.has(credentials.nonce)) throw replayed();
    return credentials;
  }

  /**
   * Verifies the signature and claims the nonce in one step: of two requests with the same one, the second is refused, and
   * a forged request burns nobody's.
   *
   * @throws ApiError invalid_signature, replayed_nonce; nonce_store_full (503).
   */
  verify(
    credentials: Credentials,
    request: { method: string; url: string; nonceAsSent: string; bodyHash: string },
  ): void {
    const { nonces, secrets, ttlMs, clock } = this.#options;
    const { bodyHash, method, nonceAsSent, url } = request;
    const parts = { method, url, timestamp: credentials.timestamp, nonce: nonceAsSent, bodyHash };
    if (!isSignedBy(secrets, credentials.signature, parts)) {
      throw unauthorized("invalid_signature", "the signature does not belong to this request");
    }
    this.#checkTime(credentials.timestampMs); // The body may have taken its time.
    switch (nonces.claim(credentials.nonce, credentials.timestampMs + ttlMs, clock.nowMs())) {
      case "claimed":
        return;
      case "replayed":
        throw replayed();
      case "full":
        throw new ApiError(503, "nonce_store_full", "too many requests are remembered; try again later", {
          retryable: true,
        });
    }
  }

  /** Whatever this process cannot know to be new is refused: it may have been served by the process before this one. */
  #checkTime(timestampMs: number): void {
    const { clock, nonces, ttlMs } = this.#options;
    const nowMs = clock.nowMs();
    const startedAtMs = nowMs - clock.uptimeMs();
    const isInRange = Math.abs(nowMs - timestampMs) <= ttlMs;
    if (!isInRange || timestampMs < startedAtMs || timestampMs + ttlMs < nonces.forgottenUpToMs) {
      throw unauthorized("timestamp_out_of_range", "x-dr-timestamp is too far from this service's clock or its start");
    }
  }
}

function replayed(): ApiError {
  return unauthorized("replayed_nonce", "this nonce was used before");
}

function unauthorized(code: string, message: string): ApiError {
  return new ApiError(401, code, message);
}

function textOf(header: string | string[] | undefined): string {
  return typeof header === "string" ? header : "";
}
