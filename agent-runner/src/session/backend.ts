import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from "node:http";
import type { Agent as HttpsAgent, RequestOptions } from "node:https";
import type { ProtocolError } from "../protocol/messages.ts";

/** The server answered with an error of the protocol, e.g. `session_unknown` or `lease_lost`. */
export class BackendRefusal extends Error {
  override readonly name = "BackendRefusal";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** No answer came: refused, reset, cut or too late. */
export class BackendUnreachable extends Error {
  override readonly name = "BackendUnreachable";
}

export interface PostOptions {
  /** Ends the request from outside; the promise rejects with the signal's reason. */
  signal?: AbortSignal;
  deadlineMs: number;
}

/** One request to the server, with its JSON answer. */
export interface Backend {
  /** @throws BackendRefusal | BackendUnreachable */
  post<Answer>(path: string, body: unknown, options: PostOptions): Promise<Answer>;
  close(): void;
}

/**
 * Speaks the runner protocol over kept-alive connections. `node:http` rather than `fetch`: loading fetch's client costs
 * about 25 ms of the time from spawn to first poll.
 * @param readToken is asked once at first use and again after a 401.
 */
export async function connectBackend(baseUrl: string, readToken: () => Promise<string>): Promise<Backend> {
  const base = baseUrl.replace(/\/+$/, "");
  const transport = await loadTransport(base);
  let token = await readToken();

  const post = async <Answer>(path: string, body: unknown, options: PostOptions): Promise<Answer> => {
    const payload = Buffer.from(JSON.stringify(body));
    const send = () => sendOnce(transport, new URL(`${base}/v1/runner/${path}`), token, payload, options);
    let answer = await send();
    if (answer.status === 401) {
      // A token file that cannot be read just now leaves the 401 to the caller, who tries again.
      const fresh = await readToken().catch(() => token);
      if (fresh !== token) {
        token = fresh;
        answer = await send();
      }
    }
    if (answer.status >= 300) throw refusalOf(answer);
    return parseAnswer(answer.text) as Answer;
  };
  return { post, close: () => transport.agent.destroy() };
}

interface Transport {
  request: typeof requestHttp;
  agent: HttpAgent;
}

interface RawAnswer {
  status: number;
  text: string;
}

async function loadTransport(base: string): Promise<Transport> {
  const options = { keepAlive: true, keepAliveMsecs: 10_000 };
  if (!base.startsWith("https:")) return { request: requestHttp, agent: new HttpAgent(options) };
  const https = await import("node:https");
  const agent: HttpsAgent = new https.Agent(options);
  return { request: https.request, agent };
}

/** A kept-alive socket that the server closed while it was idle fails at once; that is no fault of the server. */
async function sendOnce(
  transport: Transport,
  url: URL,
  token: string,
  payload: Buffer,
  options: PostOptions,
): Promise<RawAnswer> {
  try {
    return await exchange(transport, url, token, payload, options);
  } catch (error) {
    if (!(error instanceof StaleSocket)) throw error;
    return await exchange(transport, url, token, payload, options);
  }
}

class StaleSocket extends BackendUnreachable {}

function exchange(
  transport: Transport,
  url: URL,
  token: string,
  payload: Buffer,
  { signal, deadlineMs }: PostOptions,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const requestOptions: RequestOptions = {
      method: "POST",
      agent: transport.agent,
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        "content-length": payload.length,
      },
    };
    const request = transport.request(url, requestOptions);
    const abort = () => settle(() => reject(signal?.reason));
    const timer = setTimeout(() => {
      settle(() => reject(new BackendUnreachable(`${url.pathname} had no answer within ${deadlineMs} ms`)));
    }, deadlineMs);
    const settle = (finish: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      finish();
      request.destroy();
    };
    signal?.addEventListener("abort", abort, { once: true });
    request.once("error", (error: NodeJS.ErrnoException) => {
      const stale = request.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
      settle(() => reject(new (stale ? StaleSocket : BackendUnreachable)(error.message, { cause: error })));
    });
    request.once("response", (response) => {
      readBody(response).then(
        (text) => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", abort);
          resolve({ status: response.statusCode ?? 0, text });
        },
        (error: Error) => settle(() => reject(new BackendUnreachable(error.message, { cause: error }))),
      );
    });
    request.end(payload);
  });
}

function readBody(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.once("end", () => {
      if (response.complete) resolve(Buffer.concat(chunks).toString("utf8"));
      else reject(new Error("the answer was cut off"));
    });
    response.once("error", reject);
  });
}

function refusalOf(answer: RawAnswer): BackendRefusal {
  try {
    const { error } = JSON.parse(answer.text) as ProtocolError;
    return new BackendRefusal(answer.status, error.code, error.message);
  } catch {
    // Something else than our server answered, e.g. a proxy: its status is all there is to tell.
    return new BackendRefusal(answer.status, "unexpected_answer", `the server answered ${answer.status}`);
  }
}

function parseAnswer(text: string): unknown {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BackendUnreachable("the answer is not JSON", { cause: error });
  }
}
