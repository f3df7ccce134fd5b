import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the service does with one request. */
export type FakeAnswer =
  | {
      text: string | string[];
      toolCalls?: FakeToolCall[];
      tokens?: { input: number; output: number };
      /** The service's own word for why the answer ends here, e.g. `length` or `max_tokens`. */
      stop?: string;
    }
  | { toolCalls: FakeToolCall[] }
  | { status: number; error?: string; headers?: Record<string, string> }
  /** Sends this much of an answer, then cuts the connection. */
  | { cutAfter: string }
  /** Says this again and again, as fast as it is read, until the client hangs up. */
  | { endless: string }
  /** The same without any framing: a line that does not come to an end. */
  | { endlessLine: string }
  /** Answers 200 with something that is no answer. */
  | { garbage: string }
  /** Accepts the request, sends what is given of an answer, and says nothing more. */
  | { silentAfter: string };

export interface FakeToolCall {
  id?: string;
  name: string;
  /** An object, or the text that stands where one is expected. */
  arguments: object | string;
}

export interface FakeRequest {
  path: string;
  headers: IncomingMessage["headers"];
  body: { model?: string; messages: { role: string; content: unknown }[]; [key: string]: unknown };
}

const WAIT_LIMIT_MS = 20_000;

/**
 * A model service on loopback that speaks the streaming wire protocols of OpenAI's chat completions (`/v1/chat/completions`)
 * and Anthropic's messages (`/v1/messages`). It answers from a list, one entry a request; the last is repeated.
 */
export class FakeModel {
  readonly requests: FakeRequest[] = [];
  /** How many clients hung up before their answer was whole. */
  hangUps = 0;
  readonly #answers: FakeAnswer[];
  readonly #server: Server;
  readonly #watchers = new Set<() => void>();
  #port = 0;

  static async start(answers: FakeAnswer[]): Promise<FakeModel> {
    const model = new FakeModel(answers);
    await new Promise<void>((resolve) => model.#server.listen(0, "127.0.0.1", resolve));
    model.#port = (model.#server.address() as AddressInfo).port;
    return model;
  }

  private constructor(answers: FakeAnswer[]) {
    this.#answers = [...answers];
    this.#server = createServer((request, response) => void this.#handle(request, response));
  }

  /** With the version part, as `base_url` wants it; also after {@link stop}. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/v1`;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#watchers.delete(check);
        reject(new Error(`waited ${WAIT_LIMIT_MS} ms for ${what}`));
      }, WAIT_LIMIT_MS);
      const check = () => {
        if (!holds()) return;
        clearTimeout(timer);
        this.#watchers.delete(check);
        resolve();
      };
      this.#watchers.add(check);
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.once("close", () => {
      if (!response.writableFinished) this.hangUps += 1;
      this.#notify();
    });
    const path = request.url ?? "";
    if (request.method === "GET") {
      // `server start` and `doctor` ask which models there are; that is no request of a run.
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ data: [{ id: "fake" }] }));
      return;
    }
    const body = JSON.parse(Buffer.concat(chunks).toString("utf8")) as FakeRequest["body"];
    this.requests.push({ path, headers: request.headers, body });
    const answer = (this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0]) ?? { text: "" };
    this.#answer(answer, path.endsWith("/messages") ? ANTHROPIC : OPENAI, response);
    this.#notify();
  }

  #answer(answer: FakeAnswer, wire: Wire, response: ServerResponse): void {
    if ("status" in answer) {
      response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers });
      response.end(JSON.stringify(wire.error(answer.error ?? `fake ${answer.status}`)));
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    if ("garbage" in answer) response.end(answer.garbage);
    else if ("endless" in answer) sayForEver(response, wire.opening(answer.endless), wire.more(answer.endless));
    else if ("endlessLine" in answer) sayForEver(response, "data: ", answer.endlessLine);
    else if ("cutAfter" in answer) {
      response.write(wire.opening(answer.cutAfter), () => response.destroy());
    } else if ("silentAfter" in answer) response.write(wire.opening(answer.silentAfter));
    else response.end(wire.whole(answer));
  }

  #notify(): void {
    for (const check of [...this.#watchers]) check();
  }
}

type WholeAnswer = Extract<FakeAnswer, { toolCalls?: unknown }>;

/** One way to write an answer. */
interface Wire {
  whole(answer: WholeAnswer): string;
  /** The beginning of an answer that says `text`. */
  opening(text: string): string;
  /** What follows it, and may follow again. */
  more(text: string): string;
  error(message: string): object;
}

const OPENAI: Wire = {
  whole(answer) {
    const { pieces, calls, tokens, stop } = partsOf(answer);
    return [
      ...pieces.map((content) => openaiChunk({ role: "assistant", content })),
      ...calls.map((call, index) =>
        openaiChunk({
          tool_calls: [{ index, id: call.id, type: "function", function: { name: call.name, arguments: call.text } }],
        }),
      ),
      openaiChunk({}, stop ?? (calls.length > 0 ? "tool_calls" : "stop")),
      event({ ...OPENAI_FRAME, choices: [], usage: { prompt_tokens: tokens.input, completion_tokens: tokens.output } }),
      "data: [DONE]\n\n",
    ].join("");
  },
  opening: (text) => (text === "" ? "" : openaiChunk({ role: "assistant", content: text })),
  more: (text) => openaiChunk({ content: text }),
  error: (message) => ({ error: { message, type: "fake_error", code: null } }),
};

const OPENAI_FRAME = { id: "fake-1", object: "chat.completion.chunk", created: 1, model: "fake" };

function sayForEver(response: ServerResponse, first: string, more: string): void {
  const goOn = () => {
    while (response.writable && response.write(more));
  };
  response.on("drain", goOn);
  response.write(first);
  goOn();
}

function openaiChunk(delta: object, finishReason: string | null = null): string {
  return event({ ...OPENAI_FRAME, choices: [{ index: 0, delta, finish_reason: finishReason }] });
}

const ANTHROPIC: Wire = {
  whole(answer) {
    const { pieces, calls, tokens, stop } = partsOf(answer);
    const blocks: string[] = [];
    if (pieces.length > 0) {
      blocks.push(
        anthropicEvent("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
        ...pieces.map((text) =>
          anthropicEvent("content_block_delta", { index: 0, delta: { type: "text_delta", text } }),
        ),
        anthropicEvent("content_block_stop", { index: 0 }),
      );
    }
    for (const [at, call] of calls.entries()) {
      const index = at + (pieces.length > 0 ? 1 : 0);
      const block = { type: "tool_use", id: call.id, name: call.name, input: {} };
      blocks.push(
        anthropicEvent("content_block_start", { index, content_block: block }),
        anthropicEvent("content_block_delta", { index, delta: { type: "input_json_delta", partial_json: call.text } }),
        anthropicEvent("content_block_stop", { index }),
      );
    }
    return [
      anthropicStart(tokens.input),
      ...blocks,
      anthropicEvent("message_delta", {
        delta: { stop_reason: stop ?? (calls.length > 0 ? "tool_use" : "end_turn"), stop_sequence: null },
        usage: { output_tokens: tokens.output },
      }),
      anthropicEvent("message_stop", {}),
    ].join("");
  },
  opening: (text) =>
    anthropicStart(1) +
    anthropicEvent("content_block_start", { index: 0, content_block: { type: "text", text: "" } }) +
    anthropicEvent("content_block_delta", { index: 0, delta: { type: "text_delta", text } }),
  more: (text) => anthropicEvent("content_block_delta", { index: 0, delta: { type: "text_delta", text } }),
  error: (message) => ({ type: "error", error: { type: "fake_error", message } }),
};

function anthropicStart(inputTokens: number): string {
  return anthropicEvent("message_start", {
    message: {
      id: "msg_fake",
      type: "message",
      role: "assistant",
      model: "fake",
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: inputTokens, output_tokens: 0 },
    },
  });
}

function anthropicEvent(type: string, data: object): string {
  return `event: ${type}\n${event({ type, ...data })}`;
}

function event(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

function partsOf(answer: WholeAnswer) {
  const text = "text" in answer ? answer.text : [];
  return {
    pieces: typeof text === "string" ? [text] : text,
    calls: (answer.toolCalls ?? []).map((call, index) => ({
      id: call.id ?? `call_fake_${index}`,
      name: call.name,
      text: typeof call.arguments === "string" ? call.arguments : JSON.stringify(call.arguments),
    })),
    stop: "stop" in answer ? answer.stop : undefined,
    tokens: ("tokens" in answer ? answer.tokens : undefined) ?? { input: 7, output: 5 },
  };
}
