import { execFileSync } from "node:child_process";
import { runBareRunners } from "./lib/bare-runners.mjs";
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
    for (let run = 0; run < runs; run += 1) polls.push((await runBareRunners(["container"])).startMs);
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
