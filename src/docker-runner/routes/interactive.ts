import type { WebSocket } from "@fastify/websocket";
import type { FastifyRequest } from "fastify";
import Type from "typebox";
import { withDeadline } from "../../platform/deadline.ts";
import { ApiError, toErrorBody, validationError } from "../api-error.ts";
import type { App } from "../app.ts";
import { toFailure } from "../failures.ts";
import { failures } from "../schemas/fields.ts";
import type { Service } from "../service.ts";
import { readClientFrame } from "../websocket/client-frame.ts";
import { FrameSocket } from "../websocket/frame-socket.ts";
import { Session } from "../websocket/session.ts";
import { readSessionQuery, type SessionCommand, toSessionCommand } from "../websocket/session-command.ts";

const CLOSE = { normal: 1000, goingAway: 1001, failure: 1011, badQuery: 4000 } as const;
const START_FRAME_MS = 30_000;

/** For the document alone: a WebSocket's query is looked at after the upgrade, so that a mistake is told as a frame. */
const documentation = {
  description:
    "A WebSocket. Frames are JSON: ready, stdout, stderr, exit and error from here; start, stdin, eof, resize, signal and close from the caller",
  response: { 101: Type.Null({ description: "Upgraded" }), ...failures },
};

export function addInteractiveRoute(app: App, service: Service): void {
  app.route({
    method: "GET",
    url: "/v1/exec/interactive/ws",
    config: { kind: "stream" },
    schema: documentation,
    handler: async () => {
      throw new ApiError(426, "upgrade_required", "this route is a WebSocket");
    },
    wsHandler: (socket, request) => {
      // Before anything is awaited: frames may be there already.
      const frames = new FrameSocket(socket);
      request.visit.isUpgraded = true;
      void serve(frames, socket, request, service);
    },
  });
}

async function serve(frames: FrameSocket, socket: WebSocket, request: FastifyRequest, service: Service): Promise<void> {
  let closeCode: number = CLOSE.badQuery;
  try {
    if (request.visit.refusal !== null) {
      closeCode = CLOSE.failure;
      throw request.visit.refusal;
    }
    const { containerId, fields } = readSessionQuery(request.query);
    const command = toSessionCommand("command" in fields ? fields : { ...fields, ...(await readStartFrame(frames)) });
    closeCode = CLOSE.failure;
    await runSession(frames, containerId, command, service);
    frames.close(CLOSE.normal);
  } catch (error) {
    if (frames.gone.aborted) return;
    const failure = toFailure(error, request);
    request.visit.errorCode = failure.code;
    await frames.send({ type: "error", error: toErrorBody(failure) });
    frames.close(failure.code === "shutting_down" ? CLOSE.goingAway : closeCode);
  } finally {
    // A caller that does not answer the closing holds nothing for ever: ws ends the connection after 30 s.
    if (frames.gone.aborted) socket.terminate();
  }
}

async function runSession(
  frames: FrameSocket,
  containerId: string,
  command: SessionCommand,
  service: Service,
): Promise<void> {
  const { document } = await service.own.find(containerId);
  const endUse = service.activity.begin(document.Id);
  const endExec = service.metrics.beginExec();
  try {
    await new Session({ service, frames, containerId: document.Id, command }).run();
  } finally {
    endExec();
    endUse();
  }
}

async function readStartFrame(frames: FrameSocket): Promise<Record<string, unknown>> {
  const text = await withDeadline(() => frames.next(), { what: "a start frame", timeoutMs: START_FRAME_MS }).catch(
    () => null,
  );
  const frame = text === null ? null : readClientFrame(text);
  if (frame?.type !== "start") throw validationError("without a command in the query, the first frame is start");
  return frame.fields;
}
