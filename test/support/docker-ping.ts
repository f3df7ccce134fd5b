import { request } from "node:http";

/** Whether a Docker engine answers `/_ping` on a socket within two seconds. */
export function pingDocker(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const call = request({ socketPath, path: "/_ping", timeout: 2_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    call.once("timeout", () => call.destroy(new Error("no answer")));
    call.once("error", () => resolve(false));
    call.end();
  });
}
