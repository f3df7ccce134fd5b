import type { IncomingMessage } from "node:http";
import { HttpFailure } from "./http-failure.ts";

const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** @throws HttpFailure 413, or 400 where the body is no UTF-8. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes: Buffer = chunk;
    size += bytes.length;
    if (size > MAX_BODY_BYTES) {
      // What is still to come is not read: the connection ends with the answer.
      throw new HttpFailure(413, "payload_too_large", `a body has at most ${MAX_BODY_BYTES} bytes`, {
        headers: { connection: "close" },
      });
    }
    chunks.push(bytes);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new HttpFailure(400, "bad_request", "the body is not UTF-8");
  }
}
