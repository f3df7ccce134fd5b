import { measureInTurns, median } from "./lib/sample.mjs";
import { CLI, StackHome } from "./lib/stack-home.mjs";

/** What commands cost over bare Node, on a stack that runs. @param {{ runs: number }} options */
export function benchCommands({ runs }) {
  const stack = new StackHome();
  try {
    stack.run("server", "start", "-q");
    const stigmer = (/** @type {string[]} */ ...args) => [process.execPath, CLI, ...args];
    const times = measureInTurns(
      {
        "bare node": [process.execPath, "-e", "0"],
        "--version": stigmer("--version"),
        "--help": stigmer("--help"),
        "server status, stack up": stigmer("server", "status", "--json"),
        "server start, stack up": stigmer("server", "start", "--json"),
      },
      { runs, env: stack.env },
    );
    const floor = median(times["bare node"] ?? []);
    const targets = { "--version": 15, "--help": 15, "server status, stack up": 20, "server start, stack up": 50 };
    return [
      { what: "bare `node -e 0`", value: floor, unit: "ms", target: null },
      ...Object.entries(targets).map(([name, target]) => ({
        what: `${name}: over bare node`,
        value: median(times[name] ?? []) - floor,
        unit: "ms",
        target: `≤ ${target} ms`,
        met: median(times[name] ?? []) - floor <= target,
      })),
    ];
  } finally {
    stack.dispose();
  }
}
