import { request } from "node:http";

export interface EngineContainer {
  id: string;
  running: boolean;
  /** Of its first process, as the host sees it; 0 when it does not run. */
  pid: number;
  name: string;
  volumes: string[];
}

const SOCKET = (process.env["DOCKER_HOST"] ?? "").replace(/^unix:\/\//, "") || "/var/run/docker.sock";
const ANSWER_MS = 30_000;

/** Every container that carries this instance's label; looked at from outside stigmer. */
export async function containersOf(instance: string, socketPath = SOCKET): Promise<EngineContainer[]> {
  if (instance === "") return [];
  const filters = encodeURIComponent(JSON.stringify({ label: [`ai.stigmer.instance=${instance}`] }));
  const listed = (await ask(`/containers/json?all=1&filters=${filters}`, socketPath)) as { Id: string }[];
  const inspected = await Promise.all(listed.map(({ Id }) => inspectContainer(Id, socketPath)));
  return inspected.filter((container) => container !== null);
}

/** Null when there is none. */
export async function inspectContainer(id: string, socketPath = SOCKET): Promise<EngineContainer | null> {
  const found = (await ask(`/containers/${id}/json`, socketPath)) as {
    Id: string;
    Name: string;
    State: { Running: boolean; Pid: number };
    Mounts: { Type: string; Name?: string }[];
  } | null;
  if (found === null) return null;
  return {
    id: found.Id,
    name: found.Name.replace(/^\//, ""),
    running: found.State.Running,
    pid: found.State.Pid,
    volumes: found.Mounts.flatMap(({ Type, Name }) => (Type === "volume" && Name !== undefined ? [Name] : [])),
  };
}

export async function volumeExists(name: string, socketPath = SOCKET): Promise<boolean> {
  return (await ask(`/volumes/${name}`, socketPath)) !== null;
}

/** The parsed answer; null for 404. */
function ask(path: string, socketPath: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path, timeout: ANSWER_MS }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
      });
      response.once("error", reject);
      response.once("end", () => {
        if (response.statusCode === 404) resolve(null);
        else if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`Docker answered ${response.statusCode} to ${path}: ${text}`));
      });
    });
    call.once("timeout", () => call.destroy(new Error(`Docker did not answer to ${path}`)));
    call.once("error", reject);
    call.end();
  });
}
