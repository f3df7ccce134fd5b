import { createHash, createHmac, randomUUID } from "node:crypto";

export interface Signable {
  method: string;
  /** With its query, exactly as it is sent. */
  path: string;
  body: Uint8Array;
}

/** The three headers that prove a request (docker-runner.md §2). Every attempt needs its own: a nonce is good once. */
export function signatureHeaders({ body, method, path }: Signable, secret: string): Record<string, string> {
  const timestamp = String(Date.now());
  const nonce = randomUUID();
  const digest = createHash("sha256").update(body).digest("base64");
  const text = [method, path, timestamp, nonce, digest].join("\n");
  return {
    "x-dr-timestamp": timestamp,
    "x-dr-nonce": nonce,
    "x-dr-signature": createHmac("sha256", secret).update(text).digest("base64"),
  };
}
