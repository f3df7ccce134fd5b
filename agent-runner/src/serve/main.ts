/** Entry of a generated deployment: `node server.js` serves the workflow that lies beside it over HTTP. */
import { describeUnsuitableNode } from "./node-release.ts";

const unsuitable = describeUnsuitableNode();
if (unsuitable === null) void run();
else {
  process.stderr.write(`ERROR ${unsuitable}\n`);
  process.exit(1);
}

async function run(): Promise<never> {
  // Loaded late: what follows needs the Node that was just asked for.
  const { runServer } = await import("./run-server.ts");
  process.exit(await runServer({ directory: import.meta.dirname, process }));
}
