import { type Tool, ToolError } from "./tool.ts";

const LIMIT_MS = 30_000;
const SEARCH_URL = "https://google.serper.dev/search";

interface SearchAnswer {
  organic?: { title?: string; link?: string; snippet?: string }[];
}

export const webSearch: Tool = {
  description: "Searches the web. Returns titles, addresses and excerpts.",
  parameters: { query: "What to search for" },
  idempotent: true,
  async run({ query = "" }, { keys, environment, signal }) {
    const key = keys["SERPER_API_KEY"] ?? environment["SERPER_API_KEY"];
    if (key === undefined) throw new ToolError("web_search needs SERPER_API_KEY, which is not set");
    try {
      const response = await fetch(SEARCH_URL, {
        method: "POST",
        headers: { "x-api-key": key, "content-type": "application/json" },
        body: JSON.stringify({ q: query }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]),
      });
      if (!response.ok) throw new ToolError(`the search service answered ${response.status}`);
      const { organic = [] } = (await response.json()) as SearchAnswer;
      const results = organic.map(({ title, link, snippet }) => `${title}\n${link}\n${snippet ?? ""}`);
      return { ok: true, output: results.length === 0 ? "nothing was found" : results.join("\n\n") };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof ToolError) throw error;
      throw new ToolError(`the search failed: ${error instanceof Error ? error.message : error}`);
    }
  },
};
