import { createBoundedBuffer } from "./bounded-text.ts";
import { htmlToText } from "./html-text.ts";
import { OUTPUT_LIMIT_BYTES, type Tool, ToolError } from "./tool.ts";

const LIMIT_MS = 30_000;
/** Of a page, this much is read; what is shown of it is less. */
const MOST_BYTES = 4 * 1024 * 1024;

export const webFetch: Tool = {
  description: "Fetches a page by http or https. Of HTML the text is returned.",
  parameters: { url: "The address" },
  idempotent: true,
  async run({ url = "" }, { signal }) {
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
      throw new ToolError(`${url} is no http or https address`);
    }
    try {
      const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]) });
      const text = await readStart(response);
      const isHtml = response.headers.get("content-type")?.includes("html") === true;
      return { ok: response.ok, output: `status: ${response.status}\n${isHtml ? htmlToText(text) : text}` };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw new ToolError(`${url} cannot be fetched: ${describe(error)}`);
    }
  },
};

async function readStart(response: Response): Promise<string> {
  const bytes = createBoundedBuffer(OUTPUT_LIMIT_BYTES * 8);
  for await (const chunk of response.body ?? []) {
    bytes.push(Buffer.from(chunk));
    if (bytes.size > MOST_BYTES) break;
  }
  return bytes.toText();
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `no answer within ${LIMIT_MS / 1000} s`;
  return error.cause instanceof Error ? error.cause.message || error.message : error.message;
}
