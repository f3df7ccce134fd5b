import type { Log } from "../log.ts";
import { type Backend, BackendRefusal, BackendUnreachable, type PostOptions } from "./backend.ts";
import { pauseBeforeRepeat } from "./backoff.ts";

export interface ConnectionOptions {
  backend: Backend;
  log: Log;
  /** Called after each failed try with the time since the server last answered; may end the runner. */
  onSilence: (silentMs: number) => Promise<void>;
}

/** Calls that outlive the server: each is repeated until the server answers or its signal ends it. */
export interface Connection {
  /** @throws BackendRefusal for an answer that repeating cannot change, or the signal's reason. */
  call<Answer>(path: string, body: unknown, options: PostOptions & { signal: AbortSignal }): Promise<Answer>;
}

/** Tells the log once that the connection is lost and once that it stands, however many calls wait for it. */
export function keepConnection({ backend, log, onSilence }: ConnectionOptions): Connection {
  let state: "new" | "connected" | "lost" = "new";
  // A monotonic clock: the wall clock may jump while the server is away.
  let lastAnswerAt = performance.now();

  const answered = () => {
    lastAnswerAt = performance.now();
    if (state === "connected") return;
    state = "connected";
    log.info("connected");
  };

  return {
    async call<Answer>(path: string, body: unknown, options: PostOptions & { signal: AbortSignal }): Promise<Answer> {
      for (let attempt = 0; ; attempt += 1) {
        try {
          const answer = await backend.post<Answer>(path, body, options);
          answered();
          return answer;
        } catch (error) {
          if (options.signal.aborted) throw options.signal.reason;
          if (error instanceof BackendRefusal && !mayPass(error)) {
            answered();
            throw error;
          }
          if (!(error instanceof BackendRefusal) && !(error instanceof BackendUnreachable)) throw error;
          if (state !== "lost") {
            log.warn(`${state === "new" ? "no connection yet" : "connection lost"}: ${error.message}`);
            state = "lost";
          }
          await onSilence(performance.now() - lastAnswerAt);
          await pauseBeforeRepeat(attempt, options.signal);
        }
      }
    },
  };
}

/** A server in trouble, or a stranger on its port that does not know our token, may give way to ours. */
function mayPass(refusal: BackendRefusal): boolean {
  return refusal.status >= 500 || refusal.status === 401 || refusal.code === "unexpected_answer";
}
