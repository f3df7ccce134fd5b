import { spawnSync } from "node:child_process";

/** Without NODE_EXTRA_CA_CERTS, which adds 50 ms to every start of Node 20. */
const { NODE_EXTRA_CA_CERTS: _, ...environment } = process.env;
export const ENV = environment;

/**
 * Wall times of commands in milliseconds, measured in turns, so that a busy moment of the machine meets them all.
 *
 * @param {Record<string, string[]>} commands
 * @param {{ runs: number, env?: NodeJS.ProcessEnv, accept?: number[] }} options `accept`: exit codes that are no failure
 * @returns {Record<string, number[]>}
 */
export function measureInTurns(commands, { runs, env = ENV, accept = [0] }) {
  /** @type {Record<string, number[]>} */
  const times = Object.fromEntries(Object.keys(commands).map((name) => [name, []]));
  for (let run = 0; run < runs + 1; run += 1) {
    for (const [name, [file = "", ...args]] of Object.entries(commands)) {
      const startMs = performance.now();
      const { status, stderr } = spawnSync(file, args, { env, encoding: "utf8" });
      const ms = performance.now() - startMs;
      if (!accept.includes(status ?? -1)) throw new Error(`${name} exited ${status}: ${stderr}`);
      if (run > 0) times[name]?.push(ms); // The first fills the disk cache.
    }
  }
  return times;
}

/** @param {readonly number[]} values */
export function median(values) {
  return percentile(values, 50);
}

/** @param {readonly number[]} values @param {number} percent */
export function percentile(values, percent) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN;
}
