import type { RunnerEngine } from "../docker/runner-engine.ts";
import { Authenticator } from "./auth/authenticator.ts";
import { Gate } from "./auth/gate.ts";
import { NonceStore } from "./auth/nonce-store.ts";
import { OwnContainers } from "./containers/own-containers.ts";
import { Starter } from "./containers/starter.ts";
import type { MarkedExec } from "./exec/command.ts";
import { killExec } from "./exec/signal-group.ts";
import { ImagePulls } from "./images/image-pulls.ts";
import { Activity } from "./lifecycle/activity.ts";
import { Concurrency } from "./lifecycle/concurrency.ts";
import { Shutdown } from "./lifecycle/shutdown.ts";
import { Sweeper } from "./lifecycle/sweeper.ts";
import { Metrics } from "./metrics.ts";
import type { Policy } from "./policy/policy.ts";

/** What the routes work with. */
export interface Service {
  engine: RunnerEngine;
  policy: Policy;
  runnerId: string;
  own: OwnContainers;
  pulls: ImagePulls;
  starter: Starter;
  activity: Activity;
  sweeper: Sweeper;
  gate: Gate;
  nonces: NonceStore;
  concurrency: Concurrency;
  metrics: Metrics;
  shutdown: Shutdown;
  /** Kills whatever an exec started. The service's end waits for it. @returns whether nothing of it runs any more. */
  kill(exec: MarkedExec): Promise<boolean>;
}

export interface ServiceOptions {
  engine: RunnerEngine;
  policy: Policy;
  runnerId: string;
  secrets: readonly string[];
  signatureTtlMs: number;
  /** For tests; else of the default size. */
  nonces?: NonceStore;
  /** Of what nobody asked for: containers that went. */
  log?: (message: string, fields: Record<string, unknown>) => void;
}

export function createService(options: ServiceOptions): Service {
  const { engine, policy, runnerId, secrets, signatureTtlMs, nonces = new NonceStore(), log = () => {} } = options;
  const shutdown = new Shutdown();
  const activity = new Activity();
  const own = new OwnContainers({ engine, policy, runnerId });
  const pulls = new ImagePulls(engine, shutdown.hurried);
  const concurrency = new Concurrency(policy.concurrency);
  return {
    engine,
    policy,
    runnerId,
    own,
    pulls,
    activity,
    nonces,
    shutdown,
    sweeper: new Sweeper({ engine, activity, label: own.label, log }),
    starter: new Starter({ engine, policy, runnerId, own, pulls, activity }),
    gate: new Gate(new Authenticator({ secrets, ttlMs: signatureTtlMs, nonces })),
    concurrency,
    kill: (exec) => concurrency.lasting(killExec(engine, exec)),
    metrics: new Metrics(),
  };
}
