import { readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { systemErrorCode } from "../errors.ts";
import type { HomePaths } from "../platform/paths.ts";
import type { StackStatus } from "../stack/component.ts";

/** What the server is given to answer: `status` must be out within a second whatever happens. */
const SERVER_ANSWER_MS = 300;

/**
 * The server's own word on the stack; null when it does not give it in time. One request by hand: `node:http` takes
 * 5 ms to load, a quarter of what `status` may cost over bare Node.
 */
export async function askServerForStatus(paths: HomePaths): Promise<StackStatus | null> {
  const answer = await ask(socketPath(paths));
  const end = answer?.indexOf("\r\n\r\n") ?? -1;
  if (answer === null || end < 0 || !answer.startsWith("HTTP/1.1 200 ")) return null;
  try {
    return JSON.parse(answer.slice(end + 4)) as StackStatus;
  } catch {
    return null; // Cut off: the server died while it answered.
  }
}

/** As findSocketPath in socket-path.ts, without what that loads. */
function socketPath({ socketFile, socketRecordFile, runDir }: HomePaths): string {
  if (socketFile.startsWith(runDir)) return socketFile;
  try {
    return readFileSync(socketRecordFile, "utf8").trim() || socketFile;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return socketFile;
    throw error;
  }
}

function ask(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    const finish = (answer: string | null): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => finish(null), SERVER_ANSWER_MS);
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("end", () => finish(text));
    // Nobody listens, or nobody may: what the files say is then the answer.
    socket.on("error", () => finish(null));
    socket.write("GET /v1/status HTTP/1.1\r\nhost: stigmer\r\nconnection: close\r\n\r\n");
  });
}
