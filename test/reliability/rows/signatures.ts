import { randomUUID } from "node:crypto";
import { Agent } from "node:http";
import { RunnerCaller, signedHeaders } from "../../support/docker-runner-client.ts";
import { spawnRunner } from "../../support/docker-runner-process.ts";
import { freePort } from "../../support/free-port.ts";
import type { Trial } from "../bench.ts";
import type { Dice } from "../dice.ts";
import { memoryOf } from "../process-list.ts";
import type { Row } from "../row.ts";

const SECRET = "the secret of this trial";
const URL = "/openapi.json";
/** Calls at once. */
const CALLERS = 20;
/** What a heap grows and shrinks by anyway. */
const GROWTH_LIMIT_MB = 100;

type Headers = Record<string, string>;

/** Headers that must not let anybody in, made of those that would. */
const WRONG: Record<string, (good: ReturnType<typeof signedHeaders>, dice: Dice) => Headers> = {
  forged: (good) => ({ ...good, "x-dr-signature": Buffer.from(randomUUID().slice(0, 32)).toString("base64") }),
  truncated: (good, dice) => ({ ...good, "x-dr-signature": good["x-dr-signature"].slice(0, dice.between(1, 43)) }),
  "over-long": (good, dice) => ({ ...good, "x-dr-signature": good["x-dr-signature"].repeat(dice.between(2, 200)) }),
  replayed: (good) => good,
  early: (_good, dice) => sign(Date.now() + dice.between(120_000, 10_000_000)),
  late: (_good, dice) => sign(Date.now() - dice.between(61_000, 10_000_000)),
};

export const wrongSignatures: Row = {
  name: "signatures",
  fault:
    "requests to docker-runner with forged, truncated, over-long, replayed, early and late signatures (runs of each)",
  holds: "none is accepted, every answer is 401, memory stays, and good requests go on",
  runs: { small: 1_000, full: 10_000 },
  run: (bench) => bench.trial(`${bench.runs} of each`, (trial) => attack(trial, bench.runs), bench.runs),
};

async function attack(trial: Trial, count: number): Promise<void> {
  const port = await freePort();
  const runner = spawnRunner({
    DOCKER_RUNNER_PORT: String(port),
    DOCKER_RUNNER_SHARED_SECRET: SECRET,
    DOCKER_SOCKET: "/nowhere.sock",
  });
  await runner.listening;
  const agent = new Agent({ keepAlive: true, maxSockets: CALLERS });
  const caller = new RunnerCaller({ port, secret: SECRET, agent });
  const memoryMb = (): number => memoryOf(runner.child.pid ?? 0).nowMb;
  try {
    for (let call = 0; call < 200; call += 1) await caller.get(URL); // Warming up.
    const beforeMb = memoryMb();
    for (const [kind, spoil] of Object.entries(WRONG)) {
      const statuses = await trial.timed(kind, attackWith(caller, count, spoil, trial.dice));
      trial.saw(kind, count);
      for (const [status, times] of statuses) if (status !== 401) trial.blame(`${kind}: ${times} answers of ${status}`);
    }
    const grownMb = Math.round(memoryMb() - beforeMb);
    if (grownMb > GROWTH_LIMIT_MB) trial.blame(`the service grew by ${grownMb} MB`);
    const { status } = await caller.get(URL);
    if (status !== 200) trial.blame(`a good request was answered ${status} in the end`);
  } finally {
    agent.destroy();
    runner.child.kill("SIGKILL");
    await runner.exit;
  }
}

/** @returns how often each status was the answer. */
async function attackWith(
  caller: RunnerCaller,
  count: number,
  spoil: (good: ReturnType<typeof signedHeaders>, dice: Dice) => Headers,
  dice: Dice,
): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  let left = count;
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (left > 0) {
        left -= 1;
        const good = sign(Date.now());
        const signature = spoil(good, dice);
        if (signature === good) await caller.get(URL, { signature }); // The one that is replayed.
        const { status } = await caller.get(URL, { signature });
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    }),
  );
  return statuses;
}

function sign(timestampMs: number): ReturnType<typeof signedHeaders> {
  return signedHeaders({ method: "GET", url: URL, secret: SECRET, timestampMs });
}
