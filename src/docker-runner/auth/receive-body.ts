import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { ApiError } from "../api-error.ts";
import { EMPTY_BODY_HASH } from "./signature.ts";

export interface BodyLimits {
  /** A longer body is hashed, to tell a caller of ours from a stranger, but not kept. */
  maxBytes: number;
  /** A body that is longer than this is cut off unverified. */
  maxHashedBytes: number;
  /** The longest silence in the middle of a body. */
  idleMs: number;
}

const BODY_LIMITS: BodyLimits = {
  maxBytes: 64 * 1024 * 1024,
  maxHashedBytes: 128 * 1024 * 1024,
  idleMs: 30_000,
};

export interface ReceivedBody {
  /** Null when the body is longer than what is kept. */
  bytes: Buffer | null;
  /** base64 of the SHA-256 of all of it. */
  hash: string;
}

/** How many bytes of bodies may be in memory whose senders are not known yet. */
export class UnverifiedBytes {
  #left: number;

  constructor(capacity = 256 * 1024 * 1024) {
    this.#left = capacity;
  }

  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}

const EMPTY: ReceivedBody = { bytes: Buffer.alloc(0), hash: EMPTY_BODY_HASH };

/** Whether anything follows the head. What was upgraded has no body: the bytes that follow are another protocol's. */
export function hasBody({ headers }: Pick<IncomingMessage, "headers">): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

/**
 * Reads a body whose sender is not known yet. The bytes it holds count in `unverified` until this settles.
 *
 * @throws ApiError invalid_signature (401) when the body cannot be verified because it is too long or stops in the middle;
 *   too_many_requests (503) when too many such bodies are in memory.
 */
export function receiveBody(
  request: Readable & Pick<IncomingMessage, "headers">,
  unverified: UnverifiedBytes,
  limits: BodyLimits = BODY_LIMITS,
): Promise<ReceivedBody> {
  if (!hasBody(request)) return Promise.resolve(EMPTY);
  return new Promise((resolve, reject) => {
    const hash = createHash("sha256");
    const chunks: Buffer[] = [];
    let [totalBytes, heldBytes] = [0, 0];
    const timer = setTimeout(() => settle(cutOff("the body stopped in the middle")), limits.idleMs);

    function onData(chunk: Buffer): void {
      timer.refresh();
      hash.update(chunk);
      totalBytes += chunk.length;
      if (totalBytes > limits.maxHashedBytes) settle(cutOff("the body is too long to be verified"));
      else if (totalBytes > limits.maxBytes) letGo();
      else if (unverified.take(chunk.length)) hold(chunk);
      else settle(tooManyBodies());
    }
    function hold(chunk: Buffer): void {
      heldBytes += chunk.length;
      chunks.push(chunk);
    }
    function onEnd(): void {
      settle({ bytes: totalBytes > limits.maxBytes ? null : Buffer.concat(chunks), hash: hash.digest("base64") });
    }
    function onGone(): void {
      settle(cutOff("the body stopped in the middle"));
    }
    function letGo(): void {
      unverified.giveBack(heldBytes);
      heldBytes = 0;
      chunks.length = 0;
    }
    function settle(outcome: ReceivedBody | ApiError): void {
      clearTimeout(timer);
      request.off("data", onData).off("end", onEnd).off("close", onGone).off("error", onGone);
      letGo();
      if (outcome instanceof ApiError) reject(outcome);
      else resolve(outcome);
    }
    request.on("data", onData).on("end", onEnd).on("close", onGone).on("error", onGone);
  });
}

function cutOff(message: string): ApiError {
  return new ApiError(401, "invalid_signature", message);
}

function tooManyBodies(): ApiError {
  return new ApiError(503, "too_many_requests", "too many bodies are being received", { retryable: true });
}
