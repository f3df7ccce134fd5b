import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { median } from "./lib/sample.mjs";
import { StackHome } from "./lib/stack-home.mjs";

/** Size, build and first poll of the image. @param {{ runs: number }} options */
export async function benchImage({ runs }) {
  const home = new StackHome();
  try {
    const base = execFileSync("docker", ["images", "-q", "stigmer-base"], { encoding: "utf8" }).split("\n")[0] ?? "";
    const build = home.run("image", "build", "--no-cache", "--base", base, "--tag", "stigmer-bench:local");
    const { size } = home.json("image", "status");
    execFileSync("docker", ["rmi", "stigmer-bench:local"], { stdio: "ignore" });
    const polls = [];
    for (let run = 0; run < runs; run += 1) polls.push(await firstPoll());
    const sizeMb = size / 1e6;
    return [
      { what: "image, with node, npm and git", value: sizeMb, unit: "MB", target: "≤ 200 MB", met: sizeMb <= 200 },
      {
        what: "image build without cache, the base being there",
        value: build.ms / 1000,
        unit: "s",
        target: "≤ 30 s",
        met: build.ms <= 30_000,
      },
      {
        what: "`docker run` → polling",
        value: median(polls),
        unit: "ms",
        target: "≤ 1,000 ms",
        met: median(polls) <= 1000,
      },
    ];
  } finally {
    home.dispose();
  }
}

/** From `docker run` to the first poll at a server that only answers hello. @returns {Promise<number>} milliseconds */
async function firstPoll() {
  let polled = () => {};
  const polling = new Promise((resolve) => {
    polled = () => resolve(performance.now());
  });
  const server = createServer((request, response) => {
    request.resume();
    if (request.url?.endsWith("/poll")) polled();
    else response.end(JSON.stringify({ sessionId: "bench", leaseMs: 30_000, pollMs: 25_000, serverVersion: "bench" }));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(null)));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const startMs = performance.now();
  const id = execFileSync(
    "docker",
    [
      "run",
      "-d",
      "--network",
      "host",
      "-e",
      `STIGMER_BACKEND_URL=http://127.0.0.1:${port}`,
      "-e",
      "STIGMER_BACKEND_TOKEN_FILE=/etc/hostname",
      "stigmer-agent-runner:local",
    ],
    { encoding: "utf8" },
  ).trim();
  try {
    return (await polling) - startMs;
  } finally {
    execFileSync("docker", ["rm", "-f", id], { stdio: "ignore" });
    server.closeAllConnections();
    server.close();
  }
}
