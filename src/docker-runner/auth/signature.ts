import { createHash, createHmac, timingSafeEqual } from "node:crypto";

export interface SignedParts {
  method: string;
  /** Path and query as sent. */
  url: string;
  timestamp: string;
  nonce: string;
  /** base64 of the SHA-256 of the body's bytes as received. */
  bodyHash: string;
}

/** The hash of a request without a body. */
export const EMPTY_BODY_HASH = createHash("sha256").digest("base64");

/** What `x-dr-signature` must be: HMAC-SHA256 over the five parts, joined by one LF each, without a final one. */
export function sign({ bodyHash, method, nonce, timestamp, url }: SignedParts, secret: string): string {
  const text = `${method}\n${url}\n${timestamp}\n${nonce}\n${bodyHash}`;
  return createHmac("sha256", secret).update(text).digest("base64");
}

/**
 * Whether one of the secrets made this signature. The texts are compared, not what they decode to: a second spelling of
 * the same bytes is no signature. Every secret is tried, so that the time does not tell which one it was.
 */
export function isSignedBy(secrets: readonly string[], signature: string, parts: SignedParts): boolean {
  const given = Buffer.from(signature);
  let matches = false;
  for (const secret of secrets) {
    const expected = Buffer.from(sign(parts, secret));
    // A length is no secret: every right signature has the same.
    if (given.length === expected.length && timingSafeEqual(given, expected)) matches = true;
  }
  return matches;
}
