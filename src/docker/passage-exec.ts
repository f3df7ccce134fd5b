import type { DirectDialer } from "./dial-direct.ts";
import { containerPath } from "./resource-path.ts";
import type { ExecDocument, RunnerEngine } from "./runner-engine.ts";
import { type EngineRequest, readText, refusal, type Transport, within } from "./transport.ts";

export type ExecPassage = Pick<RunnerEngine, "createExec" | "inspectExec" | "resizeExec" | "startExec" | "openExec">;

const QUICK_MS = 10_000;
/** The engine takes the connection before it starts the command, so this waits for no command. */
const TAKE_OVER_MS = 14_000;

/** Execs, whose lives are as long as the command's. */
export function createExecPassage(transport: Transport, dialer: DirectDialer): ExecPassage {
  return {
    async createExec(containerId, body, options) {
      const request = { method: "POST", path: containerPath(containerId, "/exec"), body } as const;
      const answer = await transport.call(request, within(QUICK_MS, options));
      return (answer.body as { Id: string }).Id;
    },

    async inspectExec(execId, options) {
      const { body } = await transport.call(
        { method: "GET", path: execPath(execId, "/json") },
        within(QUICK_MS, options),
      );
      return body as ExecDocument;
    },

    async resizeExec(execId, { columns, rows }, options) {
      const query = { w: String(columns), h: String(rows) };
      await transport.call({ method: "POST", path: execPath(execId, "/resize"), query }, within(QUICK_MS, options));
    },

    async startExec(execId, { signal, tty }) {
      const deadlines = { headersTimeoutMs: TAKE_OVER_MS, idleTimeoutMs: null, signal };
      return (await transport.stream(startRequest(execId, tty), deadlines)).chunks;
    },

    async openExec(execId, { signal, tty }) {
      const request = startRequest(execId, tty);
      const socket = await transport.reach(request, { timeoutMs: TAKE_OVER_MS, signal }, async (prefix, asking) => {
        const taken = await dialer.takeOver(request, prefix, asking);
        if ("refused" in taken) throw refusal(taken.refused.statusCode ?? 0, await readText(taken.refused));
        if (taken.head.length > 0) taken.socket.unshift(taken.head);
        return taken.socket;
      });
      // A command that ended does not take what is still being written; that is told by the end of its output.
      socket.on("error", () => {});
      signal.addEventListener("abort", () => socket.destroy(), { once: true });
      if (signal.aborted) socket.destroy();
      return socket;
    },
  };
}

function startRequest(execId: string, tty: boolean): EngineRequest {
  return { method: "POST", path: execPath(execId, "/start"), body: { Detach: false, Tty: tty } };
}

function execPath(execId: string, rest: string): string {
  return `/exec/${encodeURIComponent(execId)}${rest}`;
}
