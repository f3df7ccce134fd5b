import type { IncomingMessage } from "node:http";
import { HttpFailure } from "./http-failure.ts";

const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** A body that is too large is read to its end up to here, without being kept: most clients read no answer before. */
const MAX_DISCARDED_BYTES = 4 * MAX_BODY_BYTES;

/** @throws HttpFailure 413, or 400 where the body is no UTF-8. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes: Buffer = chunk;
    size += bytes.length;
    if (size > MAX_DISCARDED_BYTES) throw tooLarge();
    if (size > MAX_BODY_BYTES) chunks.length = 0;
    else chunks.push(bytes);
  }
  if (size > MAX_BODY_BYTES) throw tooLarge();
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new HttpFailure(400, "bad_request", "the body is not UTF-8");
  }
}

function tooLarge(): HttpFailure {
  return new HttpFailure(413, "payload_too_large", `a body has at most ${MAX_BODY_BYTES} bytes`, {
    headers: { connection: "close" },
  });
}
