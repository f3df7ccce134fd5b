import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { packageVersion } from "../../src/platform/package.ts";
import { type HomePaths, homePaths } from "../../src/platform/paths.ts";
import { createApi } from "../../src/server/api.ts";
import { ServerClient } from "../../src/server/client.ts";
import type { Route } from "../../src/server/route.ts";
import { definitionRoutes } from "../../src/server/routes/definitions.ts";
import { executionRoutes } from "../../src/server/routes/executions.ts";
import { runnerRoutes } from "../../src/server/routes/runner.ts";
import { createEngineRig, type EngineRig, type EngineRigOptions } from "./engine-rig.ts";

/** The routes of definitions, executions and runners over a real socket. */
export interface EngineApi extends AsyncDisposable {
  rig: EngineRig;
  client: ServerClient;
  /** A home whose server this is. */
  paths: HomePaths;
  socketFile: string;
  /** Bugs: exceptions that are no AppError. */
  faults: unknown[];
  /** Ends every connection at once and listens no more, as a server that is killed. */
  die(): Promise<void>;
  /** Ends as a server that is stopped: what it streams comes to an end. */
  stop(): Promise<void>;
  /** Listens again, over the same or another rig. */
  listen(rig?: EngineRig): Promise<void>;
}

export async function startEngineApi(options: EngineRigOptions = {}): Promise<EngineApi> {
  let rig = await createEngineRig(options);
  const paths = homePaths(dirname(rig.databaseFile));
  const { socketFile } = paths;
  await mkdir(paths.runDir, { recursive: true });
  const faults: unknown[] = [];
  let server = createApi({ routes: [], token: null, onFault: () => {} });
  const health: Route = {
    method: "GET",
    path: "/health",
    handle: async () => ({ status: 200, body: { status: "ok", version: packageVersion(), phase: "running" } }),
  };

  const api: EngineApi = {
    get rig() {
      return rig;
    },
    client: new ServerClient(socketFile),
    paths,
    socketFile,
    faults,
    async die() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
    async stop() {
      const closed = once(server, "close");
      rig.close();
      server.close();
      await closed;
    },
    async listen(next = rig) {
      rig = next;
      const routes = [
        health,
        ...definitionRoutes({ store: rig.store, nowMs: () => Date.now() }),
        ...executionRoutes(rig),
        ...runnerRoutes(rig),
      ];
      server = createApi({ routes, token: null, onFault: (error) => faults.push(error) });
      server.listen(socketFile);
      await once(server, "listening");
    },
    async [Symbol.asyncDispose]() {
      await api.die();
      await rig[Symbol.asyncDispose]();
    },
  };
  await api.listen();
  return api;
}
